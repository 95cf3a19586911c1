/* Whom a call trusts over TLS. To anybody else not even the request's header goes. */
#include "relay/base/http_client.h"

#include "tests/support/raw_server.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <microhttpd.h>

#define DATA   "tests/data/tls/"
#define NORMAL "NORMAL"

static enum MHD_Result answer(void *self, struct MHD_Connection *handle, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *len, void **request)
{
    (void)path, (void)method, (void)version, (void)data;
    atomic_int *n_requests = self;
    if (*request == NULL) {
        atomic_fetch_add(n_requests, 1);
        *request = self;
        return MHD_YES;
    }
    if (*len > 0) {
        *len = 0;
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result queued = MHD_queue_response(handle, MHD_HTTP_NO_CONTENT, response);
    MHD_destroy_response(response);
    return queued;
}

static void read_text(const char *path, char out[static 2048])
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s is missing: run the tests from the top of the source tree", path);
    out[fread(out, 1, 2047, file)] = '\0';
    (void)fclose(file);
}

static const struct {
    const char *name, *certificate, *priorities;
    const char *host, *ca_file;
    enum http_outcome outcome;
} peers[] = {
    /* clang-format off */
    {"the authority that was named", DATA "server.crt", NORMAL, "127.0.0.1", DATA "server.crt", HTTP_ANSWER},
    {"TLS 1.2", DATA "server.crt", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "127.0.0.1", DATA "server.crt", HTTP_ANSWER},
    {"TLS 1.1", DATA "server.crt", "NORMAL:-VERS-ALL:+VERS-TLS1.1", "127.0.0.1", DATA "server.crt", HTTP_NOT_SENT},
    {"none of the system's authorities", DATA "server.crt", NORMAL, "127.0.0.1", NULL, HTTP_NOT_SENT},
    {"another authority than the one named", DATA "server.crt", NORMAL, "127.0.0.1", DATA "other.crt", HTTP_NOT_SENT},
    {"another host's certificate", DATA "server.crt", NORMAL, "localhost", DATA "server.crt", HTTP_NOT_SENT},
    {"a certificate that ended", DATA "expired.crt", NORMAL, "127.0.0.1", DATA "expired.crt", HTTP_NOT_SENT},
    {"a file of authorities that is not there", DATA "server.crt", NORMAL, "127.0.0.1", DATA "none.crt", HTTP_NOT_SENT},
    /* clang-format on */
};

static void only_a_peer_that_is_trusted_gets_the_request(void **state)
{
    (void)state;
    char key[2048], certificate[2048], url[64];
    read_text(DATA "server.key", key);
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        atomic_int n_requests = 0;
        read_text(peers[i].certificate, certificate);
        struct MHD_Daemon *server = MHD_start_daemon(
            MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, &n_requests,
            MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, certificate,
            MHD_OPTION_HTTPS_PRIORITIES, peers[i].priorities, MHD_OPTION_END);
        if (server == NULL)
            fail_msg("%s: the server does not start", peers[i].name);
        (void)snprintf(url, sizeof(url), "https://%s:%u/x", peers[i].host,
                       (unsigned)MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
        struct http_call call = raw_post(url);
        struct http_result result;
        call.allow_http = false;
        call.ca_file = peers[i].ca_file;
        raw_call_once(&call, &result);
        MHD_stop_daemon(server);
        bool answered = result.outcome == HTTP_ANSWER;
        if (result.outcome != peers[i].outcome || atomic_load(&n_requests) != answered)
            fail_msg("%s: outcome %d, %d requests: %s", peers[i].name, (int)result.outcome,
                     atomic_load(&n_requests), result.error);
        print_message("  %s: %s\n", peers[i].name, answered ? "answered" : result.error);
        http_result_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_peer_that_is_trusted_gets_the_request),
    };
    return cmocka_run_group_tests_name("http_tls", tests, raw_setup, NULL);
}
