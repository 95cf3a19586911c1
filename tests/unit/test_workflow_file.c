/* What is read from a workflow file, and what is refused rather than guessed. */
#include "relay/github/workflow_file.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

/* "no trigger", or the inputs as "NAME:TYPE[!][(CHOICE|…)]" with blanks between. */
static void describe(struct buf *out, const struct workflow_file *w)
{
    if (!w->dispatch)
        buf_add_text(out, "no trigger");
    for (size_t i = 0; i < w->n_inputs; i++) {
        const struct workflow_input *in = &w->inputs[i];
        buf_addf(out, "%s%s:%s%s", i == 0 ? "" : " ", in->name, in->type, in->required ? "!" : "");
        for (size_t j = 0; j < in->n_choices; j++)
            buf_addf(out, "%s%s", j == 0 ? "(" : "|", in->choices[j]);
        if (in->n_choices > 0)
            buf_add_text(out, ")");
    }
}

#define ON     "on:\n  workflow_dispatch:\n    inputs:\n"
#define UNREAD NULL

/* clang-format off */
static const struct {
    const char *name, *text;
    const char *inputs; /* UNREAD: refused … */
    const char *words;  /* … with this in the reason */
} cases[] = {
    {"one event", "on: workflow_dispatch\n", "", NULL},
    {"another event", "on: push\n", "no trigger", NULL},
    {"no on at all", "name: x\n", UNREAD, "on"},
    {"a list of events", "on: [push, workflow_dispatch]\n", "", NULL},
    {"a list without it", "on: [push]\n", "no trigger", NULL},
    {"a block list", "on:\n  - push\n  - workflow_dispatch\n", "", NULL},
    {"a block list at the key's column", "on:\n- push\n- workflow_dispatch\njobs: {}\n", "", NULL},
    {"a mapping without inputs", "on:\n  workflow_dispatch:\n", "", NULL},
    {"an empty mapping", "on:\n  workflow_dispatch: {}\n", "", NULL},
    {"a quoted on", "\"on\":\n  'workflow_dispatch':\n", "", NULL},
    {"other events are passed over", "on:\n  schedule:\n    - cron: '1 2 * * *'\n  push: &x\n    branches:\n    - main\n"
     "  workflow_dispatch:\n    inputs:\n      a:\n  pull_request:\n", "a:string", NULL},
    {"a block of inputs", ON "      relay_id:\n        description: id # the relay's\n        required: true\n"
     "        type: string\n\n      # another\n      model:\n        type: choice\n        options:\n        - churn\n"
     "          # not this\n        - 'fraud'\n        - \"a b\"\n", "relay_id:string! model:choice(churn|fraud|a b)", NULL},
    {"flow within a line", ON "      relay_id: { type: string, required: true }\n"
     "      model: {description: \"key, or so\", type: choice, options: [churn, 'fr''aud',], required: true} # end\n",
     "relay_id:string! model:choice!(churn|fr'aud)", NULL},
    {"all of on in one line", "on: {workflow_dispatch: {inputs: {a: {type: number}}}}\n", "a:number", NULL},
    {"a default stands in", ON "      a: {required: true, default: x}\n      b: {required: true, default: ''}\n",
     "a:string b:string!", NULL},
    {"not required", ON "      a:\n        required: false\n        type: boolean\n", "a:boolean", NULL},
    {"a description over several lines", ON "      a:\n        description: >-\n          one: two\n\n         # three\n"
     "        type: environment\n", "a:environment", NULL},
    {"carriage returns", "on:\r\n  workflow_dispatch:\r\n    inputs:\r\n      a:\r\n", "a:string", NULL},
    {"a byte order mark and a start of the document", "\xEF\xBB\xBF# c\n---\non: workflow_dispatch\n", "", NULL},
    {"jobs may be of any form", "jobs:\n  a: &x\n    run: |\n      on: [\n    b: *x\n\non: workflow_dispatch\n", "", NULL},
    {"an anchor", "on: &x\n  workflow_dispatch:\n", UNREAD, "line 1: cannot read this form"},
    {"an alias", ON "      a: *x\n", UNREAD, "line 4: cannot read this form"},
    {"a merge key", ON "      <<: *x\n", UNREAD, "line 4"},
    {"a tag", ON "      a: !!str x\n", UNREAD, "line 4"},
    {"flow over several lines", "on: [push,\n  workflow_dispatch]\n", UNREAD, "over several lines"},
    {"a quoted text over several lines", ON "      a:\n        description: \"x\n          y\"\n", UNREAD, "over several"},
    {"a plain text over several lines", ON "      a:\n        description: x\n          y\n", UNREAD, "over several lines"},
    {"a tab in the indentation", "on:\n\tworkflow_dispatch:\n", UNREAD, "line 2"},
    {"a list of mappings", ON "      - a: x\n", UNREAD, "line 4"},
    {"an unknown escape", "run-name: \"\\x41\"\non: push\n", UNREAD, "escape"},
    {"a name twice", "on: push\non: workflow_dispatch\n", UNREAD, "twice"},
    {"an input twice", ON "      a:\n      a:\n", UNREAD, "twice"},
    {"a second document", "on: push\n---\non: workflow_dispatch\n", UNREAD, "line 2"},
    {"an indentation that fits nothing", ON "      a:\n     b:\n", UNREAD, "line 5"},
    {"text behind a quoted one", "run-name: 'a' b\non: push\n", UNREAD, "after a value"},
    {"a second colon", "run-name: a: b\non: push\n", UNREAD, "colon"},
    {"required that is neither", ON "      a: {required: perhaps}\n", UNREAD, "neither"},
    {"an input that is a text", ON "      a: x\n", UNREAD, "a: "},
    {"inputs that are a list", "on:\n  workflow_dispatch:\n    inputs: [a]\n", UNREAD, "inputs"},
    {"options that are a text", ON "      a: {type: choice, options: b}\n", UNREAD, "options"},
    {"no UTF-8", "on: \xff\n", UNREAD, "UTF-8"},
    {"nothing but comments", "# x\n\n", UNREAD, "empty"},
    {"nested without end", "on: [[[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]]]\n", UNREAD, "deep"},
};
/* clang-format on */

static void a_file_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
        SCOPED(buf_free) struct buf got = BUF_INIT(4096);
        struct error err = {0};
        int r = workflow_file_read(&w, cases[i].text, strlen(cases[i].text), &err);
        if (r == 0)
            describe(&got, w);
        if (r != (cases[i].inputs == UNREAD ? -EINVAL : 0))
            fail_msg("%s: %s", cases[i].name, r == 0 ? buf_text(&got) : err.text);
        if (cases[i].inputs != UNREAD)
            assert_string_equal(buf_text(&got), cases[i].inputs);
        else if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].name, err.text);
    }
}

static void every_beginning_of_a_file_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t len = 0; len < strlen(cases[i].text); len++) {
            SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
            SCOPED(free_p) char *text = strndup(cases[i].text, len); /* its end is guarded */
            struct error err = {0};
            int r = workflow_file_read(&w, text, len, &err);
            assert_true(r == 0 ? w != NULL : r == -EINVAL && err.text[0] != '\0');
        }
    }
}

static const struct {
    const char *name, *line;
    bool shows;
} titles[] = {
    {"none", "", false},
    {"the documented one", "run-name: \"retrain ${{ inputs.model }} [${{ inputs.relay_id }}]\"\n",
     true},
    {"plain", "run-name: retrain [${{inputs.relay_id}}] # x\n", true},
    {"by the event", "run-name: '[${{ github.event.inputs.relay_id }}]'\n", true},
    {"without brackets", "run-name: retrain ${{ inputs.relay_id }}\n", false},
    {"another input", "run-name: retrain [${{ inputs.relay_id_2 }}] [${{ inputs.a }}]\n", false},
    {"cut", "run-name: retrain [${{ inputs.relay_id\n", false},
};

static void a_title_shows_the_relay_id_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
        SCOPED(buf_free) struct buf text = BUF_INIT(4096);
        struct error err = {0};
        buf_addf(&text, "%son: workflow_dispatch\n", titles[i].line);
        assert_int_equal(workflow_file_read(&w, buf_text(&text), text.len, &err), 0);
        if (workflow_file_shows_relay_id(w) != titles[i].shows)
            fail_msg("%s", titles[i].name);
    }
}

static const struct {
    const char *name, *spec, *value;
    bool refused;
} values[] = {
    {"any text", "{}", "x", false},
    {"empty where it is not required", "{}", "", false},
    {"empty where it is", "{required: true}", "", true},
    {"an option", "{type: choice, options: [x, y]}", "y", false},
    {"no option", "{type: choice, options: [x, y]}", "Y", true},
    {"a boolean", "{type: boolean}", "true", false},
    {"no boolean", "{type: boolean}", "yes", true},
    {"a number", "{type: number}", "-1.5", false},
    {"no number", "{type: number}", "one", true},
    {"an environment is not known here", "{type: environment}", "x", false},
};

static void a_value_fits_an_input_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
        SCOPED(buf_free) struct buf text = BUF_INIT(4096);
        struct error err = {0};
        buf_addf(&text, ON "      Model: %s\n", values[i].spec);
        assert_int_equal(workflow_file_read(&w, buf_text(&text), text.len, &err), 0);
        const struct workflow_input *input = workflow_file_input(w, "model");
        assert_non_null(input);
        assert_null(workflow_file_input(w, "mode"));
        if ((workflow_input_refuses(input, values[i].value) != NULL) != values[i].refused)
            fail_msg("%s", values[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_or_refused),
        cmocka_unit_test(every_beginning_of_a_file_is_read_or_refused),
        cmocka_unit_test(a_title_shows_the_relay_id_or_not),
        cmocka_unit_test(a_value_fits_an_input_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
