#include "relay/conf_sandbox.h"

#include "relay/base/scope.h"

#include <string.h>

/* Of an http or https URL that the config has checked. */
static uint16_t port_of(const char *url)
{
    bool tls = strncmp(url, "https:", 6) == 0;
    const char *host = strstr(url, "://");
    int64_t port = tls ? 443 : 80;
    if (host == NULL)
        return (uint16_t)port;
    host += 3;
    const char *after = *host == '[' ? strchr(host, ']') : host;
    after = after == NULL ? host : after + strcspn(after, ":/");
    if (*after == ':') {
        char text[8] = "";
        size_t len = strcspn(after + 1, "/");
        if (len < sizeof(text))
            memcpy(text, after + 1, len);
        if (parse_int64(&port, text, 1, 65535, NULL) != 0)
            port = 0; /* libcurl refuses it too */
    }
    return (uint16_t)port;
}

int conf_sandbox(struct sandbox_policy **out, const struct conf *conf, struct error *err)
{
    SCOPED(sandbox_policy_free_p) struct sandbox_policy *p = NULL;
    int r = sandbox_policy_new(&p, err);
    if (r != 0)
        return r;
    sandbox_policy_allow_system(p);
    for (size_t i = 0; i < conf->n_watched; i++)
        sandbox_policy_allow_folder_of(p, conf->watched[i], SANDBOX_READ);
    sandbox_policy_allow_folder_of(p, conf->store_path, SANDBOX_WRITE);
    sandbox_policy_allow_bind(p, conf->listen.port);
    sandbox_policy_allow_bind(p, conf->admin.port);
    if (conf->admin_socket != NULL)
        sandbox_policy_allow_folder_of(p, conf->admin_socket, SANDBOX_SOCKET);
    if (conf->admin_token_file != NULL)
        sandbox_policy_allow_folder_of(p, conf->admin_token_file, SANDBOX_READ);
    for (size_t i = 0; i < conf->n_targets; i++)
        sandbox_policy_allow_connect(p, port_of(conf->targets[i].api_url));
    if (conf->grafana.url != NULL) {
        sandbox_policy_allow_connect(p, port_of(conf->grafana.url));
        if (conf->grafana.token_file != NULL)
            sandbox_policy_allow_folder_of(p, conf->grafana.token_file, SANDBOX_READ);
    }
    *out = GIVE(p);
    return 0;
}
