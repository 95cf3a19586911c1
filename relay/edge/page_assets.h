/* page_assets.h - the status page's style sheet and script. */
#ifndef RELAY_EDGE_PAGE_ASSETS_H
#define RELAY_EDGE_PAGE_ASSETS_H

const char *page_style(void);
const char *page_script(void);

#endif
