/* view.h - the page as HTML, made of what is known. No script, no inline style: the strictest
 * Content-Security-Policy holds. */
#ifndef MODEL_APP_VIEW_H
#define MODEL_APP_VIEW_H

#include "model/app/close_input.h"
#include "model/app/drift_status.h"
#include "model/app/infer_answer.h"
#include "model/app/language.h"
#include "relay/base/buf.h"

enum view_answer {
    VIEW_NOT_ASKED,
    VIEW_PREDICTION,
    VIEW_BAD_INPUT, /* input says what is wrong */
    VIEW_DOWN,      /* the model server could not be reached */
    VIEW_SLOW,
    VIEW_NOT_READY, /* it has no model */
    VIEW_ERROR,     /* another status than 200 */
    VIEW_NONSENSE,
    VIEW_ANSWERS
};

struct view {
    enum language language;
    const char *typed; /* in the form; "" when it is empty */
    enum close_input input;
    enum view_answer answer;
    struct forecast forecast;      /* of VIEW_PREDICTION */
    int model_status;              /* of VIEW_NOT_READY and VIEW_ERROR */
    char reason[INFER_REASON_MAX]; /* the server's own words, "" when there are none */
    const char *model_name;        /* as asked for, "" when unknown */
    struct drift_status drift;
};

void view_render(struct buf *out, const struct view *v);
/* The page's own HTTP status. */
int view_status(enum view_answer answer);

#endif
