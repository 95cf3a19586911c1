#include "relay/github/workflow_file.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/workflow_yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(struct error *err, const char *where, const char *why)
{
    return error_set(err, -EINVAL, "%s: cannot read this form: %s", where, why);
}

static bool is_nothing(const json_t *value)
{
    const char *text = json_string_value(value);

    return json_is_null(value) || (text != NULL && (text[0] == '\0' || strcmp(text, "~") == 0 ||
                                                    strcmp(text, "null") == 0));
}

/* on: EVENT, on: [EVENT, …], or a mapping of events. *dispatch: its value, NULL for no trigger. */
static int find_trigger(const json_t *on, const json_t **dispatch, struct error *err)
{
    static const char event[] = "workflow_dispatch";
    size_t i;
    const json_t *item;

    *dispatch = NULL;
    if (json_is_object(on)) {
        *dispatch = json_object_get(on, event);
        return 0;
    }
    if (json_is_string(on)) {
        *dispatch = strcmp(json_string_value(on), event) == 0 ? json_null() : NULL;
        return 0;
    }
    if (!json_is_array(on))
        return refuse(err, "on", "an event, a list or a mapping is wanted");
    json_array_foreach(on, i, item)
    {
        if (!json_is_string(item))
            return refuse(err, "on", "a list of something else than events");
        if (strcmp(json_string_value(item), event) == 0)
            *dispatch = json_null();
    }
    return 0;
}

static int read_choices(struct workflow_input *input, const json_t *options, struct error *err)
{
    size_t i;
    const json_t *option;

    if (options == NULL || strcmp(input->type, "choice") != 0)
        return 0;
    if (!json_is_array(options))
        return refuse(err, input->name, "options that are no list");
    input->choices = calloc(json_array_size(options) + 1, sizeof(*input->choices));
    if (input->choices == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    json_array_foreach(options, i, option)
    {
        if (!json_is_string(option))
            return refuse(err, input->name, "an option that is no text");
        input->choices[input->n_choices++] = json_string_value(option);
    }
    return 0;
}

static int read_required(struct workflow_input *input, const json_t *spec, struct error *err)
{
    const json_t *required = json_object_get(spec, "required");
    const json_t *stands_in = json_object_get(spec, "default");
    const char *text = json_string_value(required);

    if (required == NULL || is_nothing(required))
        return 0;
    if (text == NULL || (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0))
        return refuse(err, input->name, "required is neither true nor false");
    input->required = strcasecmp(text, "true") == 0 && (stands_in == NULL || is_nothing(stands_in));
    return 0;
}

static int read_input(struct workflow_input *input, const char *name, const json_t *spec,
                      struct error *err)
{
    *input = (struct workflow_input){.name = name, .type = "string"};
    if (is_nothing(spec))
        return 0;
    if (!json_is_object(spec))
        return refuse(err, name, "an input that is no mapping");
    const json_t *type = json_object_get(spec, "type");
    if (type != NULL && !json_is_string(type))
        return refuse(err, name, "a type that is no word");
    if (type != NULL)
        input->type = json_string_value(type);
    int r = read_required(input, spec, err);
    return r < 0 ? r : read_choices(input, json_object_get(spec, "options"), err);
}

static int read_inputs(struct workflow_file *w, const json_t *dispatch, struct error *err)
{
    const char *name;
    const json_t *spec;

    if (dispatch == NULL || is_nothing(dispatch))
        return 0;
    if (!json_is_object(dispatch))
        return refuse(err, "workflow_dispatch", "a mapping is wanted");
    json_t *inputs = json_object_get(dispatch, "inputs");
    if (inputs == NULL || is_nothing(inputs))
        return 0;
    if (!json_is_object(inputs))
        return refuse(err, "inputs", "a mapping is wanted");
    w->inputs = calloc(json_object_size(inputs) + 1, sizeof(*w->inputs));
    if (w->inputs == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    json_object_foreach(inputs, name, spec)
    {
        int r = read_input(&w->inputs[w->n_inputs++], name, spec, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_run_name(struct workflow_file *w, const json_t *value, struct error *err)
{
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value) && !json_is_true(value))
        return refuse(err, "run-name", "a text is wanted");
    w->run_name = json_is_true(value) ? "" : json_string_value(value);
    return 0;
}

int workflow_file_read(struct workflow_file **out, const char *text, size_t len, struct error *err)
{
    SCOPED(workflow_file_free_p) struct workflow_file *w = calloc(1, sizeof(*w));
    const json_t *dispatch;
    json_t *tree;

    if (w == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    int r = workflow_yaml_read(&tree, text, len, err);
    if (r < 0)
        return r;
    w->tree_ = tree;
    if ((r = find_trigger(json_object_get(tree, "on"), &dispatch, err)) < 0)
        return r;
    w->dispatch = dispatch != NULL;
    if ((r = read_inputs(w, dispatch, err)) < 0 ||
        (r = read_run_name(w, json_object_get(tree, "run-name"), err)) < 0)
        return r;
    *out = GIVE(w);
    return 0;
}

void workflow_file_free(struct workflow_file *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_inputs; i++)
        free(w->inputs[i].choices);
    free(w->inputs);
    json_decref(w->tree_);
    free(w);
}

void workflow_file_free_p(struct workflow_file **w)
{
    workflow_file_free(*w);
}

const struct workflow_input *workflow_file_input(const struct workflow_file *w, const char *name)
{
    for (size_t i = 0; i < w->n_inputs; i++) {
        if (strcasecmp(w->inputs[i].name, name) == 0)
            return &w->inputs[i];
    }
    return NULL;
}

const char *workflow_input_refuses(const struct workflow_input *input, const char *value)
{
    double number;

    if (value[0] == '\0')
        return input->required ? "it is required, and this is empty" : NULL;
    if (strcmp(input->type, "boolean") == 0)
        return strcmp(value, "true") == 0 || strcmp(value, "false") == 0
                   ? NULL
                   : "it is a boolean: true or false";
    if (strcmp(input->type, "number") == 0)
        return parse_double(&number, value, NULL) == 0 ? NULL : "it is a number";
    if (strcmp(input->type, "choice") != 0)
        return NULL;
    for (size_t i = 0; i < input->n_choices; i++) {
        if (strcmp(input->choices[i], value) == 0)
            return NULL;
    }
    return "it is none of the input's options";
}

bool workflow_file_shows_relay_id(const struct workflow_file *w)
{
    static const char *const names[] = {"inputs.relay_id", "github.event.inputs.relay_id"};

    for (const char *at = w->run_name; at != NULL && (at = strstr(at, "[${{")) != NULL;) {
        at += strlen("[${{");
        at += strspn(at, " ");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            size_t len = strlen(names[i]);
            if (strncasecmp(at, names[i], len) == 0 &&
                strncmp(at + len + strspn(at + len, " "), "}}]", 3) == 0)
                return true;
        }
    }
    return false;
}
