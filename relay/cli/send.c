/* sign, send: what Grafana would send, from a file or from options. */
#include "relay/alert/signature.h"
#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/build_notification.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/payload.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HEADERS_MAX 64

static int read_secret(const char *command, const char *path, struct secret **out)
{
    struct error err = {0};
    if (secret_read_file(out, path, 0, &err) == 0)
        return 0;
    fprintf(stderr, "drift-relay %s: %s\n", command, err.text);
    return EXIT_FAILED;
}

/* The present time in unix seconds, or what --timestamp says ("" = none). */
static void timestamp_of(const struct cli_args *args, char out[static 24])
{
    const char *given = cli_value(args, "timestamp");
    if (given != NULL)
        (void)snprintf(out, 24, "%s", given);
    else
        (void)snprintf(out, 24, "%lld", (long long)(clock_wall(clock_system()).ms / 1000));
}

/* --- sign
 * ------------------------------------------------------------------------------------------ */

static const struct cli_option sign_options[] = {
    {"secret-file", "FILE", "the contact point's HMAC secret"},
    {"timestamp", "SECONDS", "sign for this time instead of now; empty: the body alone"},
    {0},
};
static const struct cli_usage sign_usage = {
    .command = "sign",
    .arguments = "--secret-file FILE [--timestamp SECONDS] FILE",
    .purpose = "Prints the two headers with which Grafana would send this body.",
    .options = sign_options,
    .notes = "FILE may be - for standard input. With curl: -H \"$(line)\" for each line, "
             "--data-binary @FILE.",
    .operands_min = 1,
    .operands_max = 1,
};

int cli_sign(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &sign_usage, argc, argv);
    if (code >= 0)
        return code;
    if (cli_value(&args, "secret-file") == NULL) {
        fprintf(stderr, "drift-relay sign: --secret-file FILE is wanted\n");
        return EXIT_USAGE;
    }
    SCOPED(free_p) char *body = NULL;
    SCOPED(secret_free_p) struct secret *secret = NULL;
    size_t len;
    code = read_secret("sign", cli_value(&args, "secret-file"), &secret);
    if (code == 0)
        code = client_read_file(args.operands[0], &body, &len);
    if (code != 0)
        return code;
    char timestamp[24];
    char hex[SIGNATURE_HEX_SIZE];
    timestamp_of(&args, timestamp);
    signature_make(hex, secret, timestamp, body, len);
    printf(GRAFANA_SIGNATURE_HEADER ": %s\n", hex);
    if (timestamp[0] != '\0')
        printf(GRAFANA_TIMESTAMP_HEADER ": %s\n", timestamp);
    return EXIT_OK;
}

/* --- send
 * ------------------------------------------------------------------------------------------ */

static const struct cli_option send_options[] = {
    {"url", "URL", "the relay's webhook, such as http://127.0.0.1:9099/hooks/grafana"},
    {"secret-file", "FILE", "sign with this HMAC secret"},
    {"bearer-file", "FILE", "send this bearer token instead"},
    {"timestamp", "SECONDS", "sign for this time instead of now; empty: the body alone"},
    {"as-recorded", NULL, "send a recorded .http.json with its own headers, unchanged"},
    {"dry", NULL, "ask for the decisions only (?dry=1): nothing is stored or started"},
    {"label", "NAME=VALUE", "build a notification: a label of its alert (repeat it)"},
    {"annotation", "NAME=VALUE", "… an annotation"},
    {"value", "REF=NUMBER", "… a value"},
    {"alertname", "NAME", "… its alertname (default: Data drift)"},
    {"starts-at", "TIME", "… when it began, RFC 3339 (default: now)"},
    {"resolved", NULL, "… resolved instead of firing"},
    {0},
};
static const struct cli_usage send_usage = {
    .command = "send",
    .arguments = "--url URL --secret-file FILE [OPTION…] [FILE]",
    .purpose = "Posts a notification, signed with the present time, and prints the answer.",
    .options = send_options,
    .notes = "FILE is a body, or a recorded .http.json; without FILE the notification is built "
             "from --label …\n"
             "Exit codes: 0 accepted, 1 refused, 2 usage, 3 cannot reach the relay.",
    .operands_max = 1,
};

struct outgoing {
    struct payload payload;
    char *headers[HEADERS_MAX];
    size_t n_headers;
};

static void outgoing_clear(struct outgoing *o)
{
    payload_clear(&o->payload);
    for (size_t i = 0; i < o->n_headers; i++) {
        sodium_memzero(o->headers[i], strlen(o->headers[i]));
        free(o->headers[i]);
    }
}

static void add_header(struct outgoing *o, const char *name, const char *value, size_t value_len)
{
    SCOPED(buf_free) struct buf line = BUF_INIT(70 * 1024);
    buf_addf(&line, "%s: ", name);
    buf_add(&line, value, value_len);
    if (o->n_headers < HEADERS_MAX - 1 && (o->headers[o->n_headers] = buf_give(&line)) != NULL)
        o->n_headers++;
}

static int load_body(struct outgoing *o, const struct cli_args *args)
{
    if (args->n_operands == 1)
        return payload_read(&o->payload, "send", args->operands[0]);
    o->payload.body = build_notification(args, clock_wall(clock_system()));
    if (o->payload.body == NULL)
        return EXIT_USAGE;
    o->payload.len = strlen(o->payload.body);
    return 0;
}

/* The recorded headers, but for those that belong to the connection. */
static int add_recorded(struct outgoing *o)
{
    static const char *const ours[] = {"Host", "Content-Length", "Connection", "Accept-Encoding",
                                       NULL};
    size_t i;
    json_t *pair;
    if (o->payload.recording == NULL) {
        fprintf(stderr, "drift-relay send: --as-recorded wants a recorded .http.json\n");
        return EXIT_USAGE;
    }
    json_array_foreach(json_object_get(o->payload.recording, "headers"), i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));
        bool skip = name == NULL || value == NULL;
        for (size_t k = 0; !skip && ours[k] != NULL; k++)
            skip = strcasecmp(name, ours[k]) == 0;
        if (!skip)
            add_header(o, name, value, strlen(value));
    }
    return 0;
}

static int add_credentials(struct outgoing *o, const struct cli_args *args)
{
    if (cli_value(args, "as-recorded") != NULL)
        return add_recorded(o);
    add_header(o, "Content-Type", "application/json", strlen("application/json"));
    SCOPED(secret_free_p) struct secret *secret = NULL;
    if (cli_value(args, "bearer-file") != NULL) {
        int code = read_secret("send", cli_value(args, "bearer-file"), &secret);
        if (code != 0)
            return code;
        SCOPED(buf_free) struct buf value = BUF_INIT(70 * 1024);
        buf_add_text(&value, "Bearer ");
        buf_add(&value, secret_bytes(secret), secret_len(secret));
        add_header(o, "Authorization", buf_text(&value), value.len);
        sodium_memzero(value.data, value.len);
        return 0;
    }
    int code = read_secret("send", cli_value(args, "secret-file"), &secret);
    if (code != 0)
        return code;
    char timestamp[24];
    char hex[SIGNATURE_HEX_SIZE];
    timestamp_of(args, timestamp);
    signature_make(hex, secret, timestamp, o->payload.body, o->payload.len);
    add_header(o, GRAFANA_SIGNATURE_HEADER, hex, strlen(hex));
    if (timestamp[0] != '\0')
        add_header(o, GRAFANA_TIMESTAMP_HEADER, timestamp, strlen(timestamp));
    return 0;
}

static int post(const struct outgoing *o, const char *url, bool dry)
{
    SCOPED(buf_free) struct buf target = BUF_INIT(8192);
    buf_addf(&target, "%s%s", url, !dry ? "" : strchr(url, '?') == NULL ? "?dry=1" : "&dry=1");
    const char *headers[HEADERS_MAX] = {0};
    for (size_t i = 0; i < o->n_headers; i++)
        headers[i] = o->headers[i];
    struct http_call call = {.method = "POST",
                             .url = buf_text(&target),
                             .headers = headers,
                             .body = o->payload.body,
                             .body_len = o->payload.len,
                             .connect_timeout_ms = 5000,
                             .timeout_ms = 30000,
                             .response_max = 64U * 1024 * 1024,
                             .fresh = true,
                             .allow_http = true};
    struct http_result result;
    struct error err = {0};
    int r = http_client_setup(&err);
    if (r == 0)
        r = http_call_once(&call, &result, &err);
    if (r != 0) {
        fprintf(stderr, "drift-relay send: %s\n", err.text);
        return EXIT_FAILED;
    }
    int code = EXIT_OK;
    if (result.outcome != HTTP_ANSWER) {
        fprintf(stderr, "drift-relay send: cannot reach %s: %s\n", url, result.error);
        code = EXIT_UNREACHABLE;
    } else {
        bool accepted = result.status >= 200 && result.status < 300;
        fprintf(stderr, "HTTP %d%s\n", result.status,
                result.status == 401 ? ": refused; the relay's log says why" : "");
        printf("%s%s", result.body,
               result.body_len > 0 && result.body[result.body_len - 1] != '\n' ? "\n" : "");
        code = accepted ? EXIT_OK : EXIT_FAILED;
    }
    http_result_free(&result);
    return code;
}

int cli_send(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &send_usage, argc, argv);
    if (code >= 0)
        return code;
    bool credential = cli_value(&args, "secret-file") != NULL ||
                      cli_value(&args, "bearer-file") != NULL ||
                      cli_value(&args, "as-recorded") != NULL;
    if (cli_value(&args, "url") == NULL || !credential) {
        fprintf(stderr,
                "drift-relay send: --url URL and --secret-file FILE are wanted (or --bearer-file, "
                "--as-recorded)\n");
        return EXIT_USAGE;
    }
    SCOPED(outgoing_clear) struct outgoing o = {0};
    code = load_body(&o, &args);
    if (code == 0)
        code = add_credentials(&o, &args);
    return code != 0 ? code : post(&o, cli_value(&args, "url"), cli_value(&args, "dry") != NULL);
}
