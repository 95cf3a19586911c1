/* What the workflow's file shows, against what the routes would send. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/preflight_private.h"
#include "relay/github/reply.h"
#include "relay/github/workflow_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#define RELAY_ID "relay_id"

/* The file's text, NUL-terminated; NULL: the answer does not hold it. */
static char *text_of(const struct exchange_answer *answer, size_t *len)
{
    SCOPED(json_release_p) json_t *body = NULL;

    if (strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0)
        return NULL;
    const json_t *content = json_object_get(body, "content");
    const char *encoding = json_string_value(json_object_get(body, "encoding"));
    if (!json_is_string(content) || encoding == NULL || strcmp(encoding, "base64") != 0)
        return NULL;
    size_t room = json_string_length(content) / 4 * 3 + 3;
    SCOPED(free_p) char *text = calloc(room + 1, 1);
    if (text == NULL || sodium_base642bin((unsigned char *)text, room, json_string_value(content),
                                          json_string_length(content), "\n", len, NULL,
                                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return NULL;
    return GIVE(text);
}

/* --- relay_id ---------------------------------------------------------------------------------
 */

static void judge_relay_id(struct preflight *p, const struct workflow_file *w)
{
    const struct workflow_input *input = workflow_file_input(w, RELAY_ID);

    if (p->target->correlation == CORRELATION_NONE) {
        if (input != NULL && input->required)
            preflight_report(p, SEVERITY_ERROR, "input",
                             "relay_id is required, and correlation = \"none\" sends none: every "
                             "dispatch is refused: take one of them away");
        return;
    }
    if (input == NULL)
        preflight_report(
            p, p->target->correlation == CORRELATION_INPUT ? SEVERITY_ERROR : SEVERITY_WARNING,
            "input",
            "relay_id is not declared: a run whose answer gets lost cannot be found: "
            "declare it as a string");
    else if (strcmp(input->type, "string") != 0)
        preflight_report(p, SEVERITY_ERROR, "input",
                         "relay_id is a %s, and what is sent is none: declare it as a string",
                         input->type);
    if (workflow_file_shows_relay_id(w))
        preflight_report(p, SEVERITY_OK, "run-name", "shows the relay_id");
    else
        preflight_report(p, SEVERITY_WARNING, "run-name",
                         "does not show [${{ inputs.relay_id }}]: a run whose answer gets lost "
                         "cannot be found: add it to the title%s",
                         w->run_name != NULL && w->run_name[0] == '\0'
                             ? " (it spans lines, so it was not read: write it in one)"
                             : "");
}

/* --- inputs of the routes ---------------------------------------------------------------------
 */

/* The faults found. */
static size_t judge_sent(struct preflight *p, const struct preflight_route *route,
                         const struct workflow_file *w)
{
    size_t faults = 0;

    for (size_t i = 0; i < inputs_count(route->inputs); i++) {
        const char *name = inputs_name(route->inputs, i);
        const struct workflow_input *input = workflow_file_input(w, name);
        char value[INPUT_VALUE_MAX + 1];
        const char *why = NULL;
        if (input != NULL && inputs_constant(route->inputs, i, value))
            why = workflow_input_refuses(input, value);
        if (input == NULL)
            preflight_report(p, SEVERITY_ERROR, "input",
                             "route %s sends %s, which the workflow does not declare: GitHub "
                             "refuses it: declare it, or take it out of the route",
                             route->name, name);
        else if (why != NULL)
            preflight_report(p, SEVERITY_ERROR, "input", "route %s sends %s = \"%.80s\": %s",
                             route->name, name, value, why);
        faults += input == NULL || why != NULL;
    }
    return faults;
}

static bool sends(const struct preflight_route *route, const char *name)
{
    for (size_t i = 0; i < inputs_count(route->inputs); i++) {
        if (strcasecmp(inputs_name(route->inputs, i), name) == 0)
            return true;
    }
    return false;
}

static size_t judge_required(struct preflight *p, const struct preflight_route *route,
                             const struct workflow_file *w)
{
    size_t faults = 0;

    for (size_t i = 0; i < w->n_inputs; i++) {
        const struct workflow_input *input = &w->inputs[i];
        if (!input->required || strcasecmp(input->name, RELAY_ID) == 0 || sends(route, input->name))
            continue;
        preflight_report(p, SEVERITY_ERROR, "input",
                         "route %s does not send %s, which the workflow requires: GitHub refuses "
                         "it: add it to the route's inputs, or give it a default",
                         route->name, input->name);
        faults++;
    }
    return faults;
}

void preflight_judge_file(struct preflight *p, const struct exchange_answer *answer)
{
    SCOPED(workflow_file_free_p) struct workflow_file *w = NULL;
    struct error err = {0};
    size_t len = 0;
    SCOPED(free_p) char *text = text_of(answer, &len);

    if (text == NULL) {
        preflight_report(p, SEVERITY_WARNING, "file", "%s: the answer does not hold its text",
                         p->path);
        return;
    }
    if (workflow_file_read(&w, text, len, &err) < 0) {
        preflight_report(p, SEVERITY_WARNING, "file",
                         "%s: %s: its trigger and inputs are not compared", p->path, err.text);
        return;
    }
    preflight_report(p, SEVERITY_OK, "file", "%s at %s was read", p->path, p->target->ref);
    if (!w->dispatch) {
        preflight_report(p, SEVERITY_ERROR, "trigger",
                         "%s has no `on: workflow_dispatch` at %s: add it", p->path,
                         p->target->ref);
        return;
    }
    preflight_report(p, SEVERITY_OK, "trigger", "it has workflow_dispatch");
    judge_relay_id(p, w);
    for (size_t i = 0; i < p->n_routes; i++) {
        size_t faults = judge_sent(p, &p->routes[i], w) + judge_required(p, &p->routes[i], w);
        if (faults == 0)
            preflight_report(p, SEVERITY_OK, "input",
                             "what route %s sends fits what the workflow declares",
                             p->routes[i].name);
    }
}
