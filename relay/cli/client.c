#include "relay/cli/client.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "relay/base/secret.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX   (64U * 1024 * 1024)
#define ANSWER_MAX (128U * 1024 * 1024)

/* Fills socket or url (one of them stays empty) from --admin, else from the config; token_file,
 * where changes need one, likewise. */
static int find_admin(const struct cli_args *args, struct buf *socket, struct buf *url,
                      struct buf *token_file)
{
    const char *given = cli_value(args, "admin");
    const char *token = cli_value(args, "token-file");
    if (token != NULL)
        buf_add_text(token_file, token);
    if (given != NULL) {
        bool is_url = strncmp(given, "http://", 7) == 0 || strncmp(given, "https://", 8) == 0;
        buf_add_text(is_url ? url : socket, given);
        return 0;
    }
    SCOPED(conf_report_clear) struct conf_report report = {0};
    SCOPED(conf_unref_p) struct conf *conf = NULL;
    if (conf_load(&conf, cli_value(args, "config"), &report) != 0) {
        fprintf(stderr,
                "drift-relay %s: where is the relay? The config does not say: give --admin "
                "PATH|URL, or mend the config:\n  %s\n",
                args->usage->command, report.n_faults > 0 ? report.faults[0] : "out of memory");
        return EXIT_FAILED;
    }
    bool ipv6 = strchr(conf->admin.host, ':') != NULL;
    if (token == NULL && conf->admin_token_file != NULL)
        buf_add_text(token_file, conf->admin_token_file);
    if (conf->admin_socket != NULL && access(conf->admin_socket, F_OK) == 0)
        buf_add_text(socket, conf->admin_socket);
    else
        buf_addf(url, "%s://%s%s%s:%u", conf->admin_tls != NULL ? "https" : "http", ipv6 ? "[" : "",
                 conf->admin.host, ipv6 ? "]" : "", (unsigned)conf->admin.port);
    return 0;
}

/* "Authorization: Bearer TOKEN", wiped by secret_wipe_buf(). */
static int make_authorization(const struct cli_args *args, const char *token_file, struct buf *out)
{
    SCOPED(secret_free_p) struct secret *token = NULL;
    struct error err = {0};
    if (secret_read_file(&token, token_file, 1, &err) != 0) {
        fprintf(stderr, "drift-relay %s: --token-file: %s\n", args->usage->command, err.text);
        return EXIT_FAILED;
    }
    buf_add_text(out, "Authorization: Bearer ");
    buf_add(out, secret_bytes(token), secret_len(token));
    return EXIT_OK;
}

/* body NULL: a GET. */
static int call_relay(const struct cli_args *args, const char *path, const char *body, size_t len,
                      struct http_result *result)
{
    SCOPED(buf_free) struct buf socket = BUF_INIT(4096);
    SCOPED(buf_free) struct buf url = BUF_INIT(64 * 1024);
    SCOPED(buf_free) struct buf token_file = BUF_INIT(4096);
    SCOPED(secret_wipe_buf) struct buf authorization = BUF_INIT(128 * 1024);
    int code = find_admin(args, &socket, &url, &token_file);
    if (code == 0 && body != NULL && url.len > 0 && token_file.len > 0)
        code = make_authorization(args, buf_text(&token_file), &authorization);
    if (code != 0)
        return code;
    const char *const headers[] = {"Content-Type: application/json",
                                   authorization.len > 0 ? buf_text(&authorization) : NULL, NULL};
    if (socket.len > 0)
        buf_add_text(&url, "http://localhost");
    else if (url.len > 0 && url.data[url.len - 1] == '/')
        url.data[--url.len] = '\0';
    buf_add_text(&url, path);
    struct http_call call = {.method = body == NULL ? "GET" : "POST",
                             .url = buf_text(&url),
                             .headers = body == NULL ? NULL : headers,
                             .body = body,
                             .body_len = len,
                             .connect_timeout_ms = 5000,
                             .timeout_ms = 30000,
                             .response_max = ANSWER_MAX,
                             .allow_http = true,
                             .unix_socket = socket.len > 0 ? buf_text(&socket) : NULL};
    struct error err = {0};
    int r = http_client_setup(&err);
    if (r == 0)
        r = http_call_once(&call, result, &err);
    if (r == 0 && result->outcome == HTTP_ANSWER)
        return 0;
    fprintf(stderr,
            "drift-relay %s: cannot reach the relay at %s: %s\nIs it running? (--admin "
            "PATH|URL names another place)\n",
            args->usage->command, socket.len > 0 ? buf_text(&socket) : buf_text(&url),
            r == 0 ? result->error : err.text);
    if (r == 0)
        http_result_free(result);
    return EXIT_UNREACHABLE;
}

/* What helps where the relay's own words do not say it. */
static const char *remedy_of(int status)
{
    switch (status) {
    case 401:
        return "name the file that holds it: --token-file FILE";
    case 403:
        return "run it as root or as the relay's user, on its machine, with --admin SOCKET";
    case 404:
        return "`drift-relay keys`, `requests` and `notifications` list what there is; `status "
               "--json` names routes and targets";
    case 503:
        return "nothing was changed: try again; `drift-relay health` says whether it is ready";
    default:
        return NULL;
    }
}

/* What a problem+json answer says, and what to do about it. */
static void print_problem(const struct cli_args *args, const struct http_result *result)
{
    SCOPED(json_release_p) json_t *problem = NULL;
    const char *detail = NULL;
    if (strict_json_load(&problem, result->body, result->body_len, 16, NULL) == 0)
        detail = json_string_value(json_object_get(problem, "detail"));
    fprintf(stderr, "drift-relay %s: the relay answered %d: %s\n", args->usage->command,
            result->status, detail == NULL ? "no reason given" : detail);
    const char *remedy = remedy_of(result->status);
    if (remedy != NULL)
        fprintf(stderr, "%s\n", remedy);
}

static int call_json(const struct cli_args *args, const char *path, const char *body, size_t len,
                     json_t **out)
{
    struct http_result result;
    int code = call_relay(args, path, body, len, &result);
    if (code != 0)
        return code;
    struct error err = {0};
    code = EXIT_OK;
    if (result.status >= 400) {
        print_problem(args, &result);
        code = EXIT_FAILED;
    } else if (strict_json_load(out, result.body, result.body_len, 64, &err) != 0) {
        fprintf(stderr, "drift-relay %s: not an answer of a relay: %s\n", args->usage->command,
                err.text);
        code = EXIT_FAILED;
    }
    http_result_free(&result);
    return code;
}

int client_get(const struct cli_args *args, const char *path, struct http_result *result)
{
    return call_relay(args, path, NULL, 0, result);
}

int client_get_json(const struct cli_args *args, const char *path, json_t **out)
{
    return call_json(args, path, NULL, 0, out);
}

int client_post_json(const struct cli_args *args, const char *path, const char *body, size_t len,
                     json_t **out)
{
    return call_json(args, path, body, len, out);
}

int client_read_file(const char *path, char **bytes, size_t *len)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "drift-relay: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    SCOPED(buf_free) struct buf content = BUF_INIT(FILE_MAX);
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&content, piece, n);
    bool bad = ferror(file) != 0 || buf_failed(&content);
    if (!standard)
        (void)fclose(file);
    if (bad) {
        fprintf(stderr, "drift-relay: %s: cannot be read, or is larger than 64 MiB\n", path);
        return EXIT_FAILED;
    }
    *len = content.len;
    *bytes = buf_give(&content);
    return *bytes == NULL ? EXIT_FAILED : EXIT_OK;
}

char *client_escape(const char *segment)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";
    SCOPED(buf_free) struct buf out = BUF_INIT(64 * 1024);
    for (const char *p = segment; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL)
            buf_add_char(&out, *p);
        else
            buf_addf(&out, "%%%02X", (unsigned)(unsigned char)*p);
    }
    return buf_give(&out);
}

int client_load_conf(const struct cli_args *args, struct conf **out)
{
    SCOPED(conf_report_clear) struct conf_report report = {0};
    if (conf_load(out, cli_value(args, "config"), &report) == 0)
        return EXIT_OK;
    for (size_t i = 0; i < report.n_faults; i++)
        fprintf(stderr, "%s\n", report.faults[i]);
    fprintf(stderr, "drift-relay %s: the config cannot be used (--config FILE names another)\n",
            args->usage->command);
    return EXIT_FAILED;
}

int client_print_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    if (text == NULL)
        return EXIT_FAILED;
    puts(text);
    free(text);
    return EXIT_OK;
}
