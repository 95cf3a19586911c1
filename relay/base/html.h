/* html.h - text from outside, made harmless inside an element or a quoted attribute. */
#ifndef RELAY_BASE_HTML_H
#define RELAY_BASE_HTML_H

#include "relay/base/buf.h"

/* The five characters that mean something to HTML become references; what is not UTF-8, control
 * characters (C1 too) and those that turn the writing direction become U+FFFD. */
void html_add_text(struct buf *out, const char *text);

#endif
