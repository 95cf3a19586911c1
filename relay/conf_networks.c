/* Lists of addresses and networks: sources' allow, listen.trusted_proxies. */
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <stdlib.h>

static bool is_everything(const struct network *network)
{
    return network->bits == 0 || (network->bits == 96 && ip_is_v4(&network->base));
}

void conf_read_networks(const struct settings_group *g, const char *key, const char *everybody,
                        struct network **out, size_t *n)
{
    char **texts = NULL;
    size_t n_texts = 0;
    if (!settings_strings(g, key, false, &texts, &n_texts))
        return;
    if (n_texts == 0)
        settings_fault(g, key, "is empty: leave it out, or name an address");
    *out = conf_array(n_texts, sizeof(struct network));
    for (size_t i = 0; i < n_texts; i++) {
        struct error err = {0};
        struct network *network = &(*out)[*n];
        if (network_parse(network, texts[i], &err) != 0)
            settings_fault(g, key, "%s", err.text);
        else if (++*n > 0 && is_everything(network))
            settings_warning(g, key, "\"%s\": %s", texts[i], everybody);
        free(texts[i]);
    }
    free(texts);
}
