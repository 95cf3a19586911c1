/* answer.h - an exchange's answer from literals, for the tests of relay/github. */
#ifndef TESTS_UNIT_ANSWER_H
#define TESTS_UNIT_ANSWER_H

#include "relay/github/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* headers: "name: value" lines, each ended by a newline; "" for none. body: NULL = "". */
static inline struct exchange_answer answer_make(int status, const char *headers, const char *body)
{
    struct exchange_answer a = {.transport = EXCHANGE_ANSWERED, .status = status};

    a.body = strdup(body == NULL ? "" : body);
    a.body_len = strlen(a.body);
    a.headers = calloc(16, sizeof(*a.headers));
    while (*headers != '\0' && a.n_headers < 16) {
        size_t name = strcspn(headers, ":");
        const char *value = headers + name + 2;
        size_t len = strcspn(value, "\n");
        a.headers[a.n_headers].name = strndup(headers, name);
        a.headers[a.n_headers++].value = strndup(value, len);
        headers = value + len + 1;
    }
    return a;
}

static inline struct exchange_answer answer_none(enum exchange_transport transport,
                                                 const char *error)
{
    struct exchange_answer a = {.transport = transport};

    (void)snprintf(a.error, sizeof(a.error), "%s", error);
    return a;
}

#endif
