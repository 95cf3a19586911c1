/* workflow_yaml.h - the part of YAML that workflow files use around `on:` and `run-name:`, as JSON.
 *
 * Block mappings, block lists of scalars, flow lists and mappings within one line, scalars within
 * one line: plain, 'single' and "double" quoted (escapes \" \\ \/ \n \t). Scalars stay texts, since
 * only their reader knows what they should be; nothing is null; a block scalar (| or >) is true,
 * its text unread. Anything else that YAML allows is refused, never guessed: anchors, aliases,
 * tags, values over several lines, tabs, a second document. Of the top level only `on` and
 * `run-name` are read, of a block below `on` only `workflow_dispatch`; what is passed over is null.
 * Source: YAML 1.2.2. Pure. */
#ifndef RELAY_GITHUB_WORKFLOW_YAML_H
#define RELAY_GITHUB_WORKFLOW_YAML_H

#include "relay/base/error.h"

#include <stddef.h>

#include <jansson.h>

/* 0 and *out, an object (caller json_decref); -EINVAL with err: "line N: …". */
__attribute__((warn_unused_result)) int workflow_yaml_read(json_t **out, const char *text,
                                                           size_t len, struct error *err);

#endif
