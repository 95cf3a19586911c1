/* conf_private.h - shared by conf.c (the struct), conf_file.c (the schema), conf_target.c,
 * conf_route.c and conf_env.c. */
#ifndef RELAY_CONF_PRIVATE_H
#define RELAY_CONF_PRIVATE_H

#include "relay/base/settings.h"
#include "relay/conf.h"

#define CONF_EFFECTIVE_WITHIN_MS (6 * 3600 * 1000)

/* By enum sandbox_mode, NULL at the end. */
extern const char *const conf_sandbox_modes[4];

/* A conf with every default and no source, target or route; NULL out of memory. */
struct conf *conf_new(const char *origin);
void conf_watch(struct conf *c, const char *path);
/* Zeroed elements for n more; aborts without memory, as everything that reads a config. */
void *conf_array(size_t n, size_t size);
char *conf_text(const char *text);
void conf_set_text(char **slot, const char *text);
/* Names and loopback: what a config may say. */
bool conf_name_is_valid(const char *name);
bool conf_header_is_valid(const char *name); /* a token of RFC 9110 */
/* The required key "name" of g; false, with a fault, when it is none. */
bool conf_read_name(const struct settings_group *g, char **out);
/* A path of g that must not be empty, else *out is untouched. */
void conf_read_path(const struct settings_group *g, const char *key, char **out);
/* The networks of a list of g, each that is none with a fault; what every address is in, with a
 * warning that ends in `everybody`. */
void conf_read_networks(const struct settings_group *g, const char *key, const char *everybody,
                        struct network **out, size_t *n);
/* NULL = fine; else the reason. Both take the trailing slash off. */
const char *conf_check_url(char *url);     /* http or https */
const char *conf_check_api_url(char *url); /* plain http for loopback only */

void conf_read_file(struct conf *c, struct settings *s);
void conf_read_listeners(struct conf *c, const struct settings_group *root);
void conf_read_targets(struct conf *c, const struct settings_group *root);
void conf_read_routes(struct conf *c, const struct settings_group *root);
/* Faults are added to the report as "environment: NAME: reason". */
void conf_read_environment(struct conf *c, struct conf_report *report);
void conf_report_add(char ***list, size_t *n, const char *text);

#endif
