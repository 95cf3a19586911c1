#include "relay/conf_preflight.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int conf_preflight(struct preflight **out, const struct conf *conf, const struct target *target,
                   struct error *err)
{
    SCOPED(free_p) struct preflight_route *routes = calloc(conf->n_routes + 1, sizeof(*routes));
    size_t n = 0;
    if (routes == NULL)
        return error_set(err, -ENOMEM, "preflight: out of memory");
    for (size_t i = 0; i < conf->n_routes; i++) {
        const struct conf_route *route = &conf->routes[i];
        if (strcmp(route->route.target, target->name) == 0)
            routes[n++] = (struct preflight_route){route->route.name, route->inputs};
    }
    return preflight_new(out, target, routes, n, err);
}
