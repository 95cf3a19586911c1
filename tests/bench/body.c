#include "tests/bench/body.h"

#include <sodium.h>

#include <stdio.h>
#include <string.h>

static const char shape[] =
    "{\"receiver\":\"retrain-relay\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
    "\"labels\":{"
    "\"action\":\"retrain\",\"alertname\":\"Data drift of "
    "ma5\",\"feature\":\"ma5\",\"grafana_folder\":"
    "\"ML "
    "alerts\",\"job\":\"drift-model\",\"instance\":\"model:8080\",\"model\":\"m%llu\",\"severity\":"
    "\"warning\",\"stattest\":\"wasserstein\"},\"annotations\":{\"description\":\"Feature ma5 of "
    "the last 60 "
    "predictions is further from what the model has learnt than its threshold allows, and has been "
    "so for "
    "five "
    "minutes.\",\"number\":\"%llu\",\"runbook_url\":\"https://github.com/drift-relay/drift-relay/"
    "blob/"
    "main/docs/runbook.md\",\"summary\":\"drift of ma5 is "
    "0.93\"},\"startsAt\":\"2026-01-05T09:00:00Z\","
    "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://grafana:3000/alerting/grafana/"
    "drift-ma5/"
    "view?orgId=1\",\"fingerprint\":\"%016llx\",\"silenceURL\":\"http://grafana:3000/alerting/"
    "silence/new?"
    "alertmanager=grafana\\u0026matcher=alertname%%3DData+drift\\u0026orgId=1\",\"dashboardURL\":"
    "\"http://grafana:3000/d/drift?orgId=1\",\"panelURL\":\"http://grafana:3000/d/"
    "drift?orgId=1\\u0026"
    "viewPanel=1\",\"values\":{\"A\":0.9312345678,\"C\":1},\"valueString\":\"[ var='A' "
    "labels={feature=ma5} "
    "value=0.9312345678 ], [ var='C' labels={feature=ma5} value=1 "
    "]\",\"orgId\":1}],\"groupLabels\":{"
    "\"alertname\":\"Data drift of ma5\",\"grafana_folder\":\"ML "
    "alerts\"},\"commonLabels\":{\"action\":"
    "\"retrain\",\"alertname\":\"Data drift of ma5\",\"grafana_folder\":\"ML "
    "alerts\"},\"commonAnnotations\":"
    "{\"summary\":\"drift of ma5 is "
    "0.93\"},\"externalURL\":\"http://grafana:3000/\",\"version\":\"1\","
    "\"groupKey\":\"{}/{action=\\\"retrain\\\"}:{alertname=\\\"Data drift of ma5\\\"}\","
    "\"truncatedAlerts\":0,\"orgId\":1,\"title\":\"[FIRING:1] Data drift of "
    "ma5\",\"state\":\"alerting\","
    "\"message\":\"drift of ma5\"}";

size_t body_write(char out[static BODY_MAX], const struct body_kind *kind, uint64_t number)
{
    unsigned long long model = kind->models == 0 ? number : number % kind->models;
    return (size_t)snprintf(out, BODY_MAX, shape, model, (unsigned long long)number, model);
}

void body_sign(char hex[static 65], const char *secret, const char *stamp, const char *body,
               size_t len)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    if (stamp[0] != '\0') {
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)stamp, strlen(stamp));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)":", 1);
    }
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, 65, mac, sizeof(mac));
}
