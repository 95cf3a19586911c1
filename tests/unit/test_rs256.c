#include "relay/base/rs256.h"
#include "relay/base/scope.h"
#include "tests/unit/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_rs256.XXXXXX";

static bool run(const char *command)
{
    return shell_in(folder, command);
}

static int make_keys(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL &&
                   run("openssl genrsa -traditional -out pkcs1 2048 &&"
                       "openssl pkcs8 -topk8 -nocrypt -in pkcs1 -out pkcs8 &&"
                       "openssl rsa -in pkcs1 -pubout -out public &&"
                       "openssl rsa -in pkcs1 -RSAPublicKey_out -out public1 &&"
                       "openssl req -x509 -key pkcs1 -subj /CN=x -out certificate &&"
                       "openssl pkcs8 -topk8 -passout pass:x -in pkcs1 -out encrypted8 &&"
                       "openssl rsa -traditional -aes128 -passout pass:x -in pkcs1 -out encrypted1 "
                       "&&"
                       "openssl ecparam -genkey -noout -name prime256v1 -out ec1 &&"
                       "openssl pkcs8 -topk8 -nocrypt -in ec1 -out ec8 &&"
                       "openssl genpkey -algorithm ed25519 -out ed25519 &&"
                       "openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out pss "
                       "&&"
                       "openssl genrsa -out short 1024 &&"
                       "sed 's/-----BEGIN RSA/-----BEGIN OPENSSH/' pkcs1 > openssh &&"
                       "head -n 10 pkcs1 > cut &&"
                       "sed 's/$/\\r/' pkcs1 > dos &&"
                       "{ echo 'App 12345'; cat pkcs8; } > comment &&"
                       "echo ghp_0123456789 > token &&"
                       "cp pkcs1 group && chmod 640 group && cp pkcs1 others && chmod 604 others")
               ? 0
               : -1;
}

static int remove_keys(void **state)
{
    (void)state;
    return run("rm -f ./*") && rmdir(folder) == 0 ? 0 : -1;
}

static int read_key(struct rs256_key **out, const char *name, struct error *err)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return rs256_key_read_file(out, path, err);
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void what_it_signs_openssl_verifies(void **state)
{
    (void)state;
    static const char *const files[] = {"pkcs1", "pkcs8", "dos", "comment", "group"};
    static const char text[] = "eyJhbGciOiJSUzI1NiJ9.e30";
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        SCOPED(rs256_key_free_p) struct rs256_key *key = NULL;
        struct error err = {0};
        unsigned char signature[RS256_SIGNATURE_MAX];
        size_t len = 0;
        if (read_key(&key, files[i], &err) != 0)
            fail_msg("%s: %s", files[i], err.text);
        assert_int_equal(rs256_sign(key, text, strlen(text), signature, &len, &err), 0);
        assert_int_equal(len, 256);
        write_file("text", text, strlen(text));
        write_file("signature", signature, len);
        assert_true(run("openssl dgst -sha256 -verify public -signature signature text"));
        write_file("text", "e30.e30", 7);
        assert_false(run("openssl dgst -sha256 -verify public -signature signature text"));
    }
}

/* Numbers that signing does not need (the private exponent, beside its parts) are not looked at. */
static void a_damaged_key_is_refused_or_signs_right(void **state)
{
    (void)state;
    static const char text[] = "e30.e30";
    int n_refused = 0;
    write_file("text", text, strlen(text));
    for (int line = 2; line < 26; line++) {
        SCOPED(rs256_key_free_p) struct rs256_key *key = NULL;
        struct error err = {0};
        char damage[64];
        unsigned char signature[RS256_SIGNATURE_MAX];
        size_t len = 0;
        (void)snprintf(damage, sizeof(damage), "sed '%ds/^..../AAAA/' pkcs1 > damaged", line);
        assert_true(run(damage));
        if (read_key(&key, "damaged", &err) != 0 ||
            rs256_sign(key, text, strlen(text), signature, &len, &err) != 0) {
            assert_string_not_equal(err.text, "");
            n_refused++;
            continue;
        }
        write_file("signature", signature, len);
        if (!run("openssl dgst -sha256 -verify public -signature signature text"))
            fail_msg("line %d", line);
    }
    print_message("%d of 24 refused\n", n_refused);
    assert_true(n_refused > 8);
}

static const struct {
    const char *file, *says;
} refused[] = {
    {"missing", "No such file"},
    {"others", "everyone may read"},
    {"public", "is a public key"},
    {"public1", "is a public key"},
    {"certificate", "is a certificate"},
    {"encrypted8", "is encrypted"},
    {"encrypted1", "is encrypted"},
    {"ec1", "is an EC key"},
    {"ec8", "is a key for EC/ECDSA"},
    {"ed25519", "is a key for EdDSA"},
    {"pss", "is a key for RSA-PSS"},
    {"short", "has 1024 bits: 2048 to 8192"},
    {"openssh", "OpenSSH"},
    {"cut", "cannot be read as an RSA private key"},
    {"token", "is no PEM file"},
};

static void what_is_no_rsa_key_is_named_without_its_content(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct rs256_key *key = NULL;
        struct error err = {0};
        if (read_key(&key, refused[i].file, &err) >= 0)
            fail_msg("%s is taken", refused[i].file);
        assert_null(key);
        if (strstr(err.text, refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].file, err.text);
        assert_non_null(strstr(err.text, folder)); /* which file */
        assert_null(strstr(err.text, "ghp_"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_signs_openssl_verifies),
        cmocka_unit_test(a_damaged_key_is_refused_or_signs_right),
        cmocka_unit_test(what_is_no_rsa_key_is_named_without_its_content),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
