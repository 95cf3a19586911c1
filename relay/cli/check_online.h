/* check_online.h - `check --online`: what GitHub says to each target, as lines or JSON. */
#ifndef RELAY_CLI_CHECK_ONLINE_H
#define RELAY_CLI_CHECK_ONLINE_H

#include "relay/conf.h"

#include <stdbool.h>

/* Prints to stdout; the exit code: a fault of any target, else one that could not be reached. */
int check_online(const struct conf *conf, bool as_json);

#endif
