/* What libmicrohttpd alone costs, threads as the relay has them: takes a body whole and answers 202
 * with a text as long as the relay's; with --echo it reads the body as JSON and answers 200 with it
 * written anew. A length past 1 MiB is answered 413 at its header. Prints its port; ends with its
 * input. */
#include <jansson.h>
#include <microhttpd.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX (1024U * 1024)

struct body {
    size_t len;
    char *bytes;
};

static bool echo;
static const char said[] = "{\"notification\":\"01JD0000000000000000000000\",\"duplicate\":false,"
                           "\"alerts\":[{\"fingerprint\":"
                           "\"0000000000000000\",\"route\":\"kospi\",\"key\":\"kospi/"
                           "m0\",\"verdict\":\"suppressed\",\"reason\":"
                           "\"duplicate\",\"relay_id\":\"01JD0000000000000000000000\"}]}\n";

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, char *text, size_t len,
                              enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(len, text, mode);
    enum MHD_Result ok = MHD_add_response_header(r, "Content-Type", "application/json");
    if (ok == MHD_YES)
        ok = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return ok;
}

static bool too_large(struct MHD_Connection *c)
{
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
    return length != NULL && strtoull(length, NULL, 10) > BODY_MAX;
}

static enum MHD_Result answer_echo(struct MHD_Connection *c, const struct body *b)
{
    json_t *json = json_loadb(b->bytes, b->len, 0, NULL);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        return answer(c, 400, (char *)(size_t) "{}", 2, MHD_RESPMEM_PERSISTENT);
    return answer(c, 200, text, strlen(text), MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result handle(void *self, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **context)
{
    (void)self, (void)url, (void)method, (void)version;
    struct body *b = *context;
    if (b == NULL) {
        if (too_large(c))
            return answer(c, 413, (char *)(size_t)said, sizeof(said) - 1, MHD_RESPMEM_PERSISTENT);
        *context = b = calloc(1, sizeof(*b));
        return b == NULL ? MHD_NO : MHD_YES;
    }
    if (*size > 0) {
        char *bytes = b->len + *size > BODY_MAX ? NULL : realloc(b->bytes, b->len + *size);
        if (bytes == NULL)
            return MHD_NO;
        memcpy(bytes + b->len, data, *size);
        b->bytes = bytes;
        b->len += *size;
        *size = 0;
        return MHD_YES;
    }
    if (echo)
        return answer_echo(c, b);
    return answer(c, 202, (char *)(size_t)said, sizeof(said) - 1, MHD_RESPMEM_PERSISTENT);
}

static void done(void *self, struct MHD_Connection *c, void **context,
                 enum MHD_RequestTerminationCode why)
{
    (void)self, (void)c, (void)why;
    struct body *b = *context;
    if (b != NULL)
        free(b->bytes);
    free(b);
    *context = NULL;
}

int main(int argc, char **argv)
{
    echo = argc > 1 && strcmp(argv[1], "--echo") == 0;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &here,
        MHD_OPTION_THREAD_POOL_SIZE, 2U, MHD_OPTION_CONNECTION_LIMIT, 512U,
        MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    if (daemon == NULL) {
        perror("bare: MHD_start_daemon");
        return 1;
    }
    printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    char end[64];
    while (read(STDIN_FILENO, end, sizeof(end)) > 0) {
    }
    MHD_stop_daemon(daemon);
    return 0;
}
