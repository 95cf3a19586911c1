/* style.h - the page's style sheet. */
#ifndef MODEL_APP_STYLE_H
#define MODEL_APP_STYLE_H

/* CSS; lives for ever. */
const char *style_sheet(void);

#endif
