/* The 52 recordings of a real Grafana 12.3.0: each is verified and read as it should be. */
#include "relay/alert/grafana.h"
#include "relay/alert/signature.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct alert_limits limits = {.alerts = 1000, .labels = 64, .depth = 16};

struct recording {
    const char *path;
    json_t *tree;
    char *body;
    size_t len;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void load(struct recording *r, const char *path)
{
    json_error_t fault;
    *r = (struct recording){.path = path, .tree = json_load_file(path, 0, &fault)};
    if (r->tree == NULL)
        fail_msg("%s: %s", path, fault.text);
    const char *encoded = text_of(r->tree, "body_base64");
    size_t size = strlen(encoded);
    r->body = malloc(size);
    assert_non_null(r->body);
    assert_int_equal(sodium_base642bin((unsigned char *)r->body, size, encoded, size, NULL, &r->len,
                                       NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
}

static void unload(struct recording *r)
{
    json_decref(r->tree);
    free(r->body);
}

static const char *header_of(const void *context, const char *name)
{
    const struct recording *r = context;
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(r->tree, "headers"), i, pair)
    {
        if (strcasecmp(json_string_value(json_array_get(pair, 0)), name) == 0)
            return json_string_value(json_array_get(pair, 1));
    }
    return NULL;
}

static void verify(const struct recording *r)
{
    SCOPED(free_p) char *signature_header = strdup(text_of(r->tree, "signature_header"));
    SCOPED(free_p) char *timestamp_header = strdup(text_of(r->tree, "timestamp_header"));
    assert_non_null(signature_header);
    assert_non_null(timestamp_header);
    struct secret *secret = NULL;
    const char *secret_text = text_of(r->tree, "secret");
    assert_int_equal(secret_new(&secret, secret_text, strlen(secret_text), NULL), 0);
    struct auth auth = {.scheme = AUTH_GRAFANA_HMAC,
                        .secrets = &secret,
                        .n_secrets = 1,
                        .signature_header = signature_header,
                        .timestamp_header = timestamp_header,
                        .window_ms = 300000};
    double received = json_number_value(json_object_get(r->tree, "received_at_unix"));
    struct wall now = {(int64_t)(received * 1000)};

    struct claim claim;
    int outcome = auth_check_headers(&auth, header_of, r, now, &claim, NULL);
    if (outcome != 0)
        fail_msg("%s: headers: %s", r->path, auth_outcome_text(outcome));
    outcome = auth_check_body(&auth, &claim, r->body, r->len);
    if (outcome != 0)
        fail_msg("%s: body: %s", r->path, auth_outcome_text(outcome));
    assert_int_equal(auth_check_body(&auth, &claim, r->body, r->len - 1), AUTH_MISMATCH);
    if (timestamp_header[0] != '\0') {
        json_t *expected = json_object_get(json_object_get(r->tree, "expected"), "timestamp");
        assert_true(claim.signed_at_ms == json_integer_value(expected) * 1000);
        struct wall later = {claim.signed_at_ms + 300001};
        assert_int_equal(auth_check_headers(&auth, header_of, r, later, &claim, NULL), AUTH_STALE);
    }
    secret_free(secret);
}

static void same_text(const struct recording *r, size_t i, const char *what, const char *got,
                      const char *want)
{
    if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
        fail_msg("%s: alert %zu: %s is %s, want %s", r->path, i, what, got == NULL ? "NULL" : got,
                 want == NULL ? "NULL" : want);
}

static void same_alert(const struct recording *r, size_t i, const struct alert *got,
                       const json_t *want)
{
    same_text(r, i, "fingerprint", got->fingerprint, text_of(want, "fingerprint"));
    same_text(r, i, "alertname", got->alertname, text_of(want, "alertname"));
    same_text(r, i, "kind", alert_kind_text(got->kind), text_of(want, "kind"));
    same_text(r, i, "state_reason", got->state_reason, text_of(want, "state_reason"));
    int64_t starts_at = 0;
    assert_int_equal(parse_rfc3339_ms(&starts_at, text_of(want, "starts_at"), NULL), 0);
    if (got->starts_at != starts_at)
        fail_msg("%s: alert %zu: starts_at is %lld, want %lld", r->path, i,
                 (long long)got->starts_at, (long long)starts_at);
    assert_int_equal(got->ends_at != TIME_NONE, got->kind == ALERT_RESOLVED);
    for (size_t k = 1; k < got->n_labels; k++)
        assert_true(strcmp(got->labels[k - 1].name, got->labels[k].name) < 0);
    for (size_t k = 1; k < got->n_annotations; k++)
        assert_true(strcmp(got->annotations[k - 1].name, got->annotations[k].name) < 0);
    for (size_t k = 1; k < got->n_values; k++)
        assert_true(strcmp(got->values[k - 1].ref, got->values[k].ref) < 0);
}

/* Every label and annotation of the body is there, and nothing else. */
static void same_labels(const struct label *got, size_t n, const json_t *want)
{
    assert_int_equal(n, json_object_size(want));
    for (size_t i = 0; i < n; i++)
        assert_string_equal(got[i].value, text_of(want, got[i].name));
}

static void check(const struct recording *r)
{
    struct notification *n = NULL;
    struct error err = {0};
    if (grafana_parse(&n, r->body, r->len, &limits, &err) != 0)
        fail_msg("%s: %s", r->path, err.text);
    const json_t *expected = json_object_get(r->tree, "expected");
    same_text(r, 0, "receiver", n->receiver, text_of(expected, "receiver"));
    same_text(r, 0, "group_key", n->group_key, text_of(expected, "group_key"));
    assert_string_equal(n->external_url, "http://127.0.0.1:3100/");
    assert_int_equal(n->truncated_alerts, 0);

    const json_t *alerts = json_object_get(expected, "alerts");
    json_t *body = json_loadb(r->body, r->len, 0, NULL);
    assert_int_equal(n->n_alerts, json_array_size(alerts));
    for (size_t i = 0; i < n->n_alerts; i++) {
        const struct alert *got = &n->alerts[i];
        const json_t *raw = json_array_get(json_object_get(body, "alerts"), i);
        same_alert(r, i, got, json_array_get(alerts, i));
        same_labels(got->labels, got->n_labels, json_object_get(raw, "labels"));
        same_labels(got->annotations, got->n_annotations, json_object_get(raw, "annotations"));
        assert_int_equal(got->n_values, json_object_size(json_object_get(raw, "values")));
        if (got->kind == ALERT_TEST) {
            assert_null(got->rule_uid); /* its generatorURL is "?orgId=1" */
        } else {
            assert_non_null(got->rule_uid);
            assert_true(strncmp(got->rule_uid, "drift-", strlen("drift-")) == 0);
        }
    }
    json_decref(body);
    notification_free(n);
}

static void every_recording_is_verified_and_read_as_expected(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("tests/data/grafana/*.http.json", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 52);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct recording r;
        load(&r, found.gl_pathv[i]);
        verify(&r);
        check(&r);
        unload(&r);
    }
    globfree(&found);
}

/* No prefix of a body is a body: a cut connection is never taken for a notification. */
static void every_truncation_of_a_recording_is_refused(void **state)
{
    (void)state;
    struct recording r;
    load(&r, "tests/data/grafana/05-two-firing.http.json");
    for (size_t len = 0; len < r.len; len++) {
        struct notification *n = NULL;
        struct error err = {0};
        char *exact = malloc(len + 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, r.body, len);
        exact = realloc(exact, len > 0 ? len : 1);
        assert_non_null(exact);
        if (grafana_parse(&n, exact, len, &limits, &err) != -EINVAL)
            fail_msg("the first %zu bytes were taken", len);
        assert_null(n);
        assert_true(err.text[0] != '\0');
        free(exact);
    }
    unload(&r);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recording_is_verified_and_read_as_expected),
        cmocka_unit_test(every_truncation_of_a_recording_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
