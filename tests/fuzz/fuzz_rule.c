/* A Grafana alert rule. It differs in nothing from itself. */
#include "relay/grafana/rule.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(grafana_rule_clear) struct grafana_rule rule = {0};
    SCOPED(buf_free) struct buf text = BUF_INIT(1 << 20);
    struct grafana_threshold threshold;
    struct grafana_timing timing;
    struct error err = {0};
    if (grafana_rule_read(&rule, (const char *)data, size, &err) != 0) {
        assert(err.text[0] != '\0');
        return 0;
    }
    assert(strlen(rule.uid) <= GRAFANA_UID_MAX && rule.len == size);
    (void)grafana_rule_label(rule.json, "model");
    (void)grafana_rule_label_text(rule.json, "model");
    grafana_rule_timing(&timing, rule.json);
    grafana_rule_differences(&text, rule.json, rule.json);
    assert(text.len == 0);
    if (grafana_rule_threshold(&threshold, rule.json)) {
        assert(threshold.n == 1 || threshold.n == 2);
        grafana_threshold_add(&text, &threshold);
        assert(!buf_failed(&text) && text.len > 0);
    }
    return 0;
}
