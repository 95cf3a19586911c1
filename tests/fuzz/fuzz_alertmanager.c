/* Alertmanager's webhook body. */
#include "tests/fuzz/notification.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_notification(ALERT_FORMAT_ALERTMANAGER, data, size);
    return 0;
}
