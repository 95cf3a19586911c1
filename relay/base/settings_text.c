/* From a file or text to libconfig's tree, with what libconfig 1.5 would let pass in silence. */
#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/settings_private.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX_BYTES ((size_t)4 * 1024 * 1024)

/* --- the scan -----------------------------------------------------------------------------------
 * An integer without L wraps at 2^32 and \x00 ends a string early; the tree shows neither. */

struct scan {
    struct settings *settings;
    const char *name, *at;
    unsigned line;
};

static bool is_hex(const char *token)
{
    return token[0] == '0' && (token[1] == 'x' || token[1] == 'X');
}

static bool fits_int32(const char *token)
{
    if (is_hex(token)) {
        const char *digits = token + 2 + strspn(token + 2, "0");
        return strlen(digits) < 8 || (strlen(digits) == 8 && digits[0] < '8');
    }
    int64_t value;
    return parse_int64(&value, token[0] == '+' ? token + 1 : token, INT32_MIN, INT32_MAX, NULL) ==
           0;
}

static void scan_number(struct scan *s)
{
    size_t sign = s->at[0] == '-' || s->at[0] == '+' ? 1 : 0;
    bool hex = sign == 0 && is_hex(s->at);
    size_t len = hex ? 2 + strspn(s->at + 2, "0123456789abcdefABCDEF")
                     : sign + strspn(s->at + sign, "0123456789");
    char after = s->at[len];
    bool is_float = !hex && (after == '.' || after == 'e' || after == 'E');
    SCOPED(free_p) char *token = strndup(s->at, len);
    if (token == NULL)
        must_end();
    if (len > sign && !is_float && after != 'L' && !fits_int32(token))
        settings_note(&s->settings->faults, s->name, s->line,
                      "%.40s is too large: libconfig's integers end at 2147483647", token);
    s->at += len == 0 ? 1 : len;
    if (is_float)
        s->at += strspn(s->at, ".eE+-0123456789");
}

static void scan_string(struct scan *s)
{
    for (s->at++; s->at[0] != '\0' && s->at[0] != '"'; s->at++) {
        if (s->at[0] == '\n')
            s->line++;
        if (s->at[0] != '\\' || s->at[1] == '\0')
            continue;
        if (strncmp(s->at, "\\x00", 4) == 0)
            settings_note(&s->settings->faults, s->name, s->line,
                          "\\x00 would end the string early: remove it");
        s->at++;
        if (s->at[0] == '\n')
            s->line++;
    }
    if (s->at[0] == '"')
        s->at++;
}

static void scan_comment(struct scan *s)
{
    if (s->at[0] == '#' || s->at[1] == '/') {
        s->at += strcspn(s->at, "\n");
        return;
    }
    const char *end = strstr(s->at + 2, "*/");
    end = end == NULL ? s->at + strlen(s->at) : end + 2;
    for (; s->at < end; s->at++) {
        if (s->at[0] == '\n')
            s->line++;
    }
}

static void scan(struct settings *settings, const char *name, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*@";
    struct scan s = {settings, name, text, 1};
    while (s.at[0] != '\0') {
        if (s.at[0] == '"')
            scan_string(&s);
        else if (s.at[0] == '#' || (s.at[0] == '/' && (s.at[1] == '/' || s.at[1] == '*')))
            scan_comment(&s);
        else if (strchr(letters, s.at[0]) != NULL)
            s.at +=
                strspn(s.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*@0123456789_-");
        else if (strchr("+-0123456789", s.at[0]) != NULL)
            scan_number(&s);
        else if (*s.at++ == '\n')
            s.line++;
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void parse(struct settings *s, const char *text)
{
    s->readable = config_read_string(&s->config, text) == CONFIG_TRUE;
    if (!s->readable) {
        const char *file = config_error_file(&s->config);
        settings_note(&s->faults, file == NULL ? s->name : file,
                      (unsigned)config_error_line(&s->config), "%s", config_error_text(&s->config));
        return;
    }
    scan(s, s->name, text);
}

/* The whole file as text, NULL with a fault. A folder must never reach libconfig: its lexer ends
 * the process when it cannot read. */
static char *read_whole(struct settings *s, const char *path)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(TEXT_MAX_BYTES + 1);
    struct stat status;
    FILE *file = fopen(path, "re");
    int fault = file == NULL ? errno : 0;
    if (fault == 0 && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
        fault = EISDIR;
    char piece[4096];
    size_t n;
    while (fault == 0 && !buf_failed(&text) && (n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&text, piece, n);
    if (fault == 0 && ferror(file))
        fault = EIO;
    if (file != NULL)
        (void)fclose(file);
    if (fault != 0)
        settings_note(&s->faults, path, 0, "cannot be read: %s", strerror(fault));
    else if (buf_failed(&text) || text.len > TEXT_MAX_BYTES)
        settings_note(&s->faults, path, 0, "is longer than 4 MiB: no config file");
    else if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        settings_note(&s->faults, path, 0, "holds a NUL byte: no text file");
    else
        return buf_give(&text);
    return NULL;
}

int settings_read_file(struct settings **out, const char *path, struct error *err)
{
    struct settings *s = settings_new(path);
    SCOPED(free_p) char *folder = strdup(path);
    if (s == NULL || folder == NULL) {
        settings_free(s);
        return error_set(err, -ENOMEM, "%s: out of memory", path);
    }
    *out = s;
    SCOPED(free_p) char *text = read_whole(s, path);
    if (text == NULL)
        return 0;
    config_set_include_dir(&s->config, dirname(folder));
    parse(s, text);
    for (unsigned i = 0; s->readable && i < s->config.num_filenames; i++) {
        SCOPED(buf_free) struct buf where = BUF_INIT(TEXT_MAX_BYTES);
        buf_addf(&where, "%s/%s", s->config.include_dir, s->config.filenames[i]);
        SCOPED(free_p) char *included = read_whole(s, buf_text(&where));
        if (included != NULL)
            scan(s, s->config.filenames[i], included);
    }
    return 0;
}

int settings_read_text(struct settings **out, const char *name, const char *text, struct error *err)
{
    struct settings *s = settings_new(name);
    if (s == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    parse(s, text);
    *out = s;
    return 0;
}
