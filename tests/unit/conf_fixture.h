/* conf_fixture.h - a folder with secrets, and configs in which $D stands for it. */
#ifndef TESTS_UNIT_CONF_FIXTURE_H
#define TESTS_UNIT_CONF_FIXTURE_H

#include "relay/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 32768
#define HOUR_MS  (3600 * 1000LL)

static char folder[] = "/tmp/test_conf.XXXXXX";

static const struct {
    const char *name, *text;
    mode_t mode;
} files[] = {
    {"secret", "0123456789abcdef0123456789abcdef\n", 0600},
    {"second", "fedcba9876543210fedcba9876543210\n", 0600},
    {"short", "tiny\n", 0600},
    {"token", "ghp_token\n", 0600},
    {"empty", "", 0600},
    {"open", "0123456789abcdef\n", 0644},
};

static inline char *in_folder(char out[static 256], const char *name)
{
    (void)snprintf(out, 256, "%s/%s", folder, name);
    return out;
}

static inline void write_file(const char *name, const char *text, mode_t mode)
{
    char path[256];
    FILE *f = fopen(in_folder(path, name), "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        write_file(files[i].name, files[i].text, files[i].mode);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char path[256];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlink(in_folder(path, files[i].name));
    (void)unlink(in_folder(path, "relay.conf"));
    (void)unlink(in_folder(path, "part.conf"));
    return rmdir(folder);
}

/* out = text with every `from` replaced by `to`. */
static inline void replace(char out[static TEXT_MAX], const char *text, const char *from,
                           const char *to)
{
    size_t len = 0;
    while (*text != '\0') {
        size_t n = strncmp(text, from, strlen(from)) == 0 ? strlen(from) : 0;
        int w = n > 0 ? snprintf(out + len, TEXT_MAX - len, "%s", to)
                      : snprintf(out + len, TEXT_MAX - len, "%c", *text);
        assert_true(w >= 0 && (size_t)w < TEXT_MAX - len);
        len += (size_t)w;
        text += n > 0 ? n : 1;
    }
    out[len] = '\0';
}

/* Loads text in which $D stands for the folder. */
static inline int load(struct conf **out, const char *text, struct conf_report *report)
{
    char full[TEXT_MAX];
    replace(full, text, "$D", folder);
    *report = (struct conf_report){0};
    return conf_load_text(out, "t.conf", full, report);
}

static inline void print_report(const struct conf_report *report)
{
    for (size_t i = 0; i < report->n_faults; i++)
        print_message("  fault: %s\n", report->faults[i]);
    for (size_t i = 0; i < report->n_warnings; i++)
        print_message("  warning: %s\n", report->warnings[i]);
}

#endif
