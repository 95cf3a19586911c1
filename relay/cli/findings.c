#include "relay/cli/findings.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/text.h"

#include <stdio.h>

#define LINE_BYTES_MAX (16 * 1024)

void findings_count(struct tally *t, const struct findings *list, bool unreachable)
{
    size_t errors = 0;
    for (size_t i = 0; i < list->n; i++) {
        t->found[list->items[i].severity]++;
        errors += list->items[i].severity == SEVERITY_ERROR;
    }
    t->unreachable = t->unreachable || unreachable;
    t->fault = t->fault || errors > (unreachable ? 1 : 0);
}

void findings_print(const char *name, const struct findings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->items[i];
        SCOPED(buf_free) struct buf line = BUF_INIT(LINE_BYTES_MAX);
        text_add_safe(&line, f->text);
        printf("%-7s  %s: %s: %s\n", severity_text(f->severity), name, f->subject, buf_text(&line));
    }
    (void)fflush(stdout); /* what comes next may take its time */
}

void findings_add_json(struct buf *out, const struct findings *list)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->items[i];
        buf_addf(out, "%s{\"severity\":\"%s\",\"subject\":\"%s\",\"text\":", i > 0 ? "," : "",
                 severity_text(f->severity), f->subject);
        buf_add_json_string(out, f->text);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void findings_print_sum(const struct tally *t)
{
    printf("%zu error%s, %zu warning%s, %zu skipped\n", t->found[SEVERITY_ERROR],
           t->found[SEVERITY_ERROR] == 1 ? "" : "s", t->found[SEVERITY_WARNING],
           t->found[SEVERITY_WARNING] == 1 ? "" : "s", t->found[SEVERITY_SKIPPED]);
}

int findings_exit_code(const struct tally *t)
{
    if (t->fault)
        return EXIT_FAILED;
    return t->unreachable ? EXIT_UNREACHABLE : EXIT_OK;
}
