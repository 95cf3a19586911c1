#include "model/app/site.h"

#include "model/app/asker.h"
#include "model/app/style.h"
#include "model/app/words.h"
#include "relay/base/http_server.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX    (256 * 1024)
#define HEADER_MAX  (16 * 1024)
#define CONNECTIONS 256
#define PER_ADDRESS 64
#define TIME_MS     10000

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "                  \
    "frame-ancestors 'none'"

struct site {
    struct http_server *server;
    struct asker *asker;
    struct model_url url;
};

static void answer_page(void *context, const struct view *v)
{
    struct http_request *r = context;
    const struct http_header headers[] = {
        {"Content-Security-Policy", POLICY}, {"Content-Language", word(WORD_LANGUAGE, v->language)},
        {"Vary", "Accept-Language"},         {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},  {"X-Content-Type-Options", "nosniff"},
    };
    SCOPED(buf_free) struct buf page = BUF_INIT(PAGE_MAX);
    view_render(&page, v);
    if (buf_failed(&page))
        http_request_problem(r, 503, "out of memory", NULL, 0);
    else
        http_request_answer(r, view_status(v->answer), "text/html; charset=utf-8", page.data,
                            page.len, headers, sizeof(headers) / sizeof(headers[0]));
}

static void show_page(struct site *s, struct http_request *r)
{
    const char *typed = http_request_argument(r, "close");
    double close = 0;
    struct view v = {.language = language_choose(http_request_header(r, "Accept-Language")),
                     .typed = typed == NULL ? "" : typed,
                     .model_name = s->url.name};
    if (typed != NULL) {
        v.input = close_input_parse(&close, typed);
        v.answer = v.input == CLOSE_INPUT_OK ? VIEW_NOT_ASKED : VIEW_BAD_INPUT;
    }
    http_request_later(r);
    if (asker_ask(s->asker, &v, typed != NULL && v.input == CLOSE_INPUT_OK, close, answer_page,
                  r) != 0)
        http_request_problem(r, 503, "shutting down, or out of memory", NULL, 0);
}

static void complete(void *self, struct http_request *r)
{
    static const struct http_header kept[] = {{"Cache-Control", "max-age=3600"},
                                              {"X-Content-Type-Options", "nosniff"}};
    const char *path = http_request_path(r);
    if (strcmp(path, "/") == 0)
        show_page(self, r);
    else if (strcmp(path, "/style.css") == 0)
        http_request_answer(r, 200, "text/css; charset=utf-8", style_sheet(), strlen(style_sheet()),
                            kept, sizeof(kept) / sizeof(kept[0]));
    else if (strcmp(path, "/healthz") == 0)
        http_request_answer(r, 200, "text/plain; charset=utf-8", "ok\n", 3, NULL, 0);
    else
        http_request_problem(r, 404, NULL, NULL, 0);
}

static void begin(void *self, struct http_request *r)
{
    static const struct http_header allow[] = {{"Allow", "GET, HEAD"}};
    const char *method = http_request_method(r);
    (void)self;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        http_request_problem(r, 405, "the form is sent with GET", allow, 1);
}

int site_start(struct site **out, const struct address *listen, const struct model_url *url,
               struct error *err)
{
    struct site *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, -ENOMEM, "site: out of memory");
    s->url = *url;
    const struct http_server_options options = {
        .name = "app",
        .host = listen->host,
        .port = listen->port,
        .threads = 1,
        .body_max = 1,
        .header_max = HEADER_MAX,
        .header_time_ms = TIME_MS,
        .body_time_ms = TIME_MS,
        .connections = CONNECTIONS,
        .per_address = PER_ADDRESS,
        .handler = {.self = s, .begin = begin, .complete = complete},
        .clock = clock_system(),
    };
    int r = asker_start(&s->asker, &s->url, err);
    if (r == 0)
        r = http_server_start(&s->server, &options, err);
    if (r != 0) {
        site_stop(s);
        return r;
    }
    *out = s;
    return 0;
}

void site_drain(struct site *s)
{
    http_server_drain(s->server);
}

unsigned site_in_flight(const struct site *s)
{
    return http_server_in_flight(s->server);
}

void site_stop(struct site *s)
{
    if (s == NULL)
        return;
    if (s->asker != NULL)
        asker_stop(s->asker); /* first: an answer must not come once the server cuts */
    http_server_stop(s->server, 0);
    asker_free(s->asker);
    free(s);
}
