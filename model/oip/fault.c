#include "model/oip/fault.h"

#include "relay/base/strict_json.h"

enum key { KEY_ERROR, KEY_DETAIL, KEY_DETAIL_LIST };

static const struct {
    int status;
    enum key key;
} faults[] = {
    [OIP_UNREADABLE] = {400, KEY_DETAIL}, [OIP_SCHEMA] = {422, KEY_DETAIL_LIST},
    [OIP_BAD_INPUT] = {400, KEY_ERROR},   [OIP_UNKNOWN_MODEL] = {404, KEY_ERROR},
    [OIP_FAILED] = {500, KEY_ERROR},      [OIP_NOT_IMPLEMENTED] = {501, KEY_ERROR},
    [OIP_NOT_READY] = {503, KEY_ERROR},   [OIP_NO_ROUTE] = {404, KEY_DETAIL},
    [OIP_BAD_METHOD] = {405, KEY_DETAIL},
};

bool oip_fault_is_schema(int fault)
{
    return fault == OIP_UNREADABLE || fault == OIP_SCHEMA;
}

/* What is no outcome is a fault of ours. */
static int known(int fault)
{
    int n = (int)(sizeof(faults) / sizeof(faults[0]));
    return fault > 0 && fault < n ? fault : OIP_FAILED;
}

int oip_fault_status(int fault)
{
    return faults[known(fault)].status;
}

void oip_fault_body(struct buf *out, int fault, const char *text)
{
    switch (faults[known(fault)].key) {
    case KEY_ERROR:
        buf_add_text(out, "{\"error\":");
        buf_add_json_string(out, text);
        break;
    case KEY_DETAIL:
        buf_add_text(out, "{\"detail\":");
        buf_add_json_string(out, text);
        break;
    case KEY_DETAIL_LIST:
        buf_add_text(out, "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\"],\"msg\":");
        buf_add_json_string(out, text);
        buf_add_text(out, "}]");
        break;
    }
    buf_add_char(out, '}');
}
