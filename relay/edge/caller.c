#include "relay/edge/caller.h"

#include "relay/base/forwarded.h"
#include "relay/base/tls.h"

static bool find(struct ip *out, const struct http_request *r, const struct conf *conf)
{
    const char *fields[FORWARDED_HOPS_MAX];
    struct ip peer;
    if (!ip_parse(&peer, http_request_peer(r)))
        return false;
    size_t n = http_request_headers(r, FORWARDED_HEADER, fields, FORWARDED_HOPS_MAX);
    if (n > FORWARDED_HOPS_MAX && networks_have(conf->proxies, conf->n_proxies, &peer))
        return false; /* the last lines, which count, are not among them */
    return forwarded_client(out, &peer, conf->proxies, conf->n_proxies, fields,
                            n < FORWARDED_HOPS_MAX ? n : FORWARDED_HOPS_MAX) == 0;
}

void caller_identify(struct caller *out, const struct http_request *r, const struct conf *conf)
{
    *out = (struct caller){.text = "unknown"};
    out->known = find(&out->ip, r, conf);
    if (out->known)
        ip_format(out->text, &out->ip);
}

bool caller_may_send(const struct caller *c, const struct conf_source *source, const char **hint)
{
    if (source->n_allow == 0)
        return true;
    if (!c->known) {
        *hint = "a trusted proxy's X-Forwarded-For is no list of addresses, so nobody knows who "
                "sends";
        return false;
    }
    *hint = "the source's allow has no such address; behind a proxy, name that in "
            "listen.trusted_proxies";
    return networks_have(source->allow, source->n_allow, &c->ip);
}

int caller_check_certificate(const struct http_request *r, const struct auth *auth,
                             const char **hint)
{
    switch (http_request_check_client(r, (const char *const *)auth->names, auth->n_names)) {
    case 0:
        return 0;
    case TLS_CLIENT_NONE:
        *hint =
            "no client certificate: give the sender one by an authority in listen.tls.client_ca";
        return AUTH_MISSING;
    case TLS_CLIENT_EXPIRED:
        *hint = "the client's certificate is over or not yet valid";
        return AUTH_STALE;
    case TLS_CLIENT_UNNAMED:
        *hint = "the client's certificate has none of the source's names";
        return AUTH_MISMATCH;
    default:
        *hint = "the client's certificate is by no authority in client_ca, or not for clients";
        return AUTH_MISMATCH;
    }
}
