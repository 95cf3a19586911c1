/* asker.h - the one thread that talks to the model server.
 *
 * A prediction and the metrics are asked for at the same time; each has ASKER_LIMIT_MS, so that
 * every question ends soon after, whatever the server does. */
#ifndef MODEL_APP_ASKER_H
#define MODEL_APP_ASKER_H

#include "model/app/model_url.h"
#include "model/app/view.h"
#include "relay/base/error.h"

#include <stdbool.h>

#define ASKER_LIMIT_MS 2000

struct asker;

/* view->answer is no longer VIEW_NOT_ASKED when a prediction was asked for. */
typedef void asker_done_fn(void *context, const struct view *view);

/* http_client_setup() came before. url is copied. */
__attribute__((warn_unused_result)) int asker_start(struct asker **out, const struct model_url *url,
                                                    struct error *err);
/* From any thread. Copies view, whose texts must live until done(), fills in what the server says
 * of drift and, when predict is true, for this close, and calls done() once, on the asker's thread.
 * -ENOMEM or -ECANCELED: done() is never called. */
__attribute__((warn_unused_result)) int asker_ask(struct asker *a, const struct view *view,
                                                  bool predict, double close, asker_done_fn *done,
                                                  void *context);
/* From here on done() is not called, and asker_ask() refuses. Once, before asker_free(). */
void asker_stop(struct asker *a);
/* Cuts what is under way. NULL is fine. */
void asker_free(struct asker *a);

#endif
