#include "model/model_file/checksum.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define KEY     ",\"checksum\":\""
#define END     "\"}\n"
#define HEX_LEN (2 * crypto_hash_sha256_BYTES)
#define TAIL    (sizeof(KEY) - 1 + HEX_LEN + sizeof(END) - 1)

static void add_tail(struct buf *b, const char *bytes, size_t len)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[HEX_LEN + 1];
    (void)crypto_hash_sha256(hash, (const unsigned char *)bytes, len);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    buf_addf(b, "%s%s%s", KEY, hex, END);
}

void checksum_add(struct buf *b, size_t start)
{
    if (!buf_failed(b))
        add_tail(b, b->data + start, b->len - start);
}

int checksum_check(const char *bytes, size_t len, struct error *err)
{
    struct buf tail = BUF_INIT(TAIL);
    bool same = false;
    if (len > TAIL) {
        add_tail(&tail, bytes, len - TAIL);
        same = !buf_failed(&tail) && memcmp(bytes + len - TAIL, tail.data, TAIL) == 0;
    }
    buf_free(&tail);
    return same ? 0
                : error_set(err, -EINVAL,
                            "the checksum is missing or wrong: the file was cut or edited, or is "
                            "no model file: train again");
}

void checksum_copy(char out[static CHECKSUM_MAX], const char *bytes, size_t len)
{
    memcpy(out, bytes + len - (HEX_LEN + sizeof(END) - 1), HEX_LEN);
    out[HEX_LEN] = '\0';
}
