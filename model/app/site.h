/* site.h - the web page that asks the model, served: /, /style.css and /healthz.
 *
 * The page is a GET form, without script: /?close=PRICE. It is rendered in Korean or English by
 * Accept-Language; its status says whether the model answered (view_status()). */
#ifndef MODEL_APP_SITE_H
#define MODEL_APP_SITE_H

#include "model/app/model_url.h"
#include "relay/base/error.h"
#include "relay/base/parse.h"

struct site;

/* http_client_setup() came before. */
__attribute__((warn_unused_result)) int site_start(struct site **out, const struct address *listen,
                                                   const struct model_url *url, struct error *err);
/* No new visitors; those inside are answered. */
void site_drain(struct site *s);
unsigned site_in_flight(const struct site *s);
/* Cuts those that are still inside. NULL is fine. */
void site_stop(struct site *s);

#endif
