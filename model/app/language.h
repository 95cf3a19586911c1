/* language.h - which of the page's two languages a browser asks for. */
#ifndef MODEL_APP_LANGUAGE_H
#define MODEL_APP_LANGUAGE_H

enum language { LANGUAGE_ENGLISH, LANGUAGE_KOREAN, LANGUAGES };

/* By Accept-Language (RFC 9110 §12.5.4, weights included); of equal weights the one named first.
 * English when the header is NULL or wants neither. What is no language range counts for nothing.
 */
enum language language_choose(const char *accept_language);

#endif
