#include "relay/edge/page.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/edge/page_assets.h"
#include "relay/edge/page_view.h"

#include <string.h>

#define PAGE_MAX   (4U * 1024 * 1024)
#define KEYS_SHOWN 50

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "                \
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

static void answer_page(struct http_request *r, int status, const struct buf *page)
{
    static const struct http_header headers[] = {
        {"Content-Security-Policy", POLICY},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
    };
    http_request_answer(r, status, "text/html; charset=utf-8", buf_text(page), page->len, headers,
                        sizeof(headers) / sizeof(headers[0]));
}

static void answer_unavailable(struct http_request *r, const char *why)
{
    SCOPED(buf_free) struct buf page = BUF_INIT(PAGE_MAX);
    page_render_unavailable(&page, why);
    answer_page(r, 503, &page);
}

/* On the core's thread: what it is given is bounded, and so is this. */
static void reply(void *context, const struct core_reply *answer)
{
    struct http_request *r = context;
    const char *state = http_request_argument(r, "state");
    SCOPED(buf_free) struct buf page = BUF_INIT(PAGE_MAX);
    struct error err = {0};
    if (answer->verdict != CORE_FOUND) {
        answer_unavailable(r, answer->body);
    } else if (page_render(&page, answer->body, answer->len, state == NULL ? "" : state, &err) !=
               0) {
        log_error("page", "not_made", LOG_STR("error", err.text));
        answer_unavailable(r, "the page could not be made");
    } else {
        answer_page(r, 200, &page);
    }
}

static void answer_asset(struct http_request *r, const char *type, const char *text)
{
    static const struct http_header headers[] = {{"Cache-Control", "no-cache"},
                                                 {"X-Content-Type-Options", "nosniff"}};
    http_request_answer(r, 200, type, text, strlen(text), headers, 2);
}

bool page_serve(struct core *core, struct http_request *r)
{
    const char *path = http_request_path(r);
    if (strcmp(path, "/page.css") == 0) {
        answer_asset(r, "text/css; charset=utf-8", page_style());
    } else if (strcmp(path, "/page.js") == 0) {
        answer_asset(r, "text/javascript; charset=utf-8", page_script());
    } else if (strcmp(path, "/") == 0) {
        http_request_later(r);
        if (!core_ask(core, QUERY_OVERVIEW, http_request_argument(r, "state"),
                      http_request_argument(r, "cursor"), KEYS_SHOWN, reply, r))
            answer_unavailable(r, "the relay is busy or shutting down");
    } else {
        return false;
    }
    return true;
}
