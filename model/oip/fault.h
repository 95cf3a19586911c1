/* fault.h - what can be wrong with an inference request, with the code and the key that KServe
 * 0.14 answers it with. The words are our own. */
#ifndef MODEL_OIP_FAULT_H
#define MODEL_OIP_FAULT_H

#include "relay/base/buf.h"

#include <stdbool.h>

/* Outcomes of the functions of this room. Schema faults are answered before it is even asked
 * whether there is such a model, all others after. */
enum oip_fault {
    OIP_UNREADABLE = 1,  /* 400 detail: no UTF-8, or nested too deeply */
    OIP_SCHEMA,          /* 422 detail, a list as FastAPI gives it */
    OIP_BAD_INPUT,       /* 400 error */
    OIP_UNKNOWN_MODEL,   /* 404 error */
    OIP_FAILED,          /* 500 error: where KServe's model code would have raised */
    OIP_NOT_IMPLEMENTED, /* 501 error */
    OIP_NOT_READY,       /* 503 error */
    OIP_NO_ROUTE,        /* 404 detail */
    OIP_BAD_METHOD,      /* 405 detail */
};

bool oip_fault_is_schema(int fault);
int oip_fault_status(int fault);
/* The JSON body. */
void oip_fault_body(struct buf *out, int fault, const char *text);

#endif
