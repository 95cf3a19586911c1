/* workflow_file.h - what a workflow file says about being dispatched.
 *
 * `on: workflow_dispatch` with its inputs, and `run-name`. A file whose form is not understood is
 * refused in words, never guessed at (workflow_yaml.h). Pure.
 * Source: GitHub's workflow syntax reference (on.workflow_dispatch.inputs, run-name). */
#ifndef RELAY_GITHUB_WORKFLOW_FILE_H
#define RELAY_GITHUB_WORKFLOW_FILE_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct workflow_input {
    const char *name;
    const char *type;     /* string (also when it is not said), choice, boolean, number, … */
    bool required;        /* … and no default stands in for it */
    const char **choices; /* of a choice, else NULL */
    size_t n_choices;
};

struct workflow_file {
    bool dispatch;                 /* it has the trigger workflow_dispatch */
    struct workflow_input *inputs; /* in the file's order */
    size_t n_inputs;
    const char *run_name; /* NULL: none, "" one that was not read (a block scalar) */
    void *tree_;          /* owns the texts */
};

/* text: NUL-terminated after len. 0 and *out, or -EINVAL with err. */
__attribute__((warn_unused_result)) int
workflow_file_read(struct workflow_file **out, const char *text, size_t len, struct error *err);
void workflow_file_free(struct workflow_file *w); /* NULL is fine */
void workflow_file_free_p(struct workflow_file **w);
/* Names are told apart without case. NULL: not declared. */
const struct workflow_input *workflow_file_input(const struct workflow_file *w, const char *name);
/* Why it would refuse this value, NULL when it would not. */
const char *workflow_input_refuses(const struct workflow_input *input, const char *value);
/* Does its title show "[relay_id]" of every run? */
bool workflow_file_shows_relay_id(const struct workflow_file *w);

#endif
