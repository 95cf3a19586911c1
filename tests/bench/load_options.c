#include "tests/bench/load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: load --port N [--path P] [--secret S [--header H] [--body-alone]] [--connections N]\n"
    "            [--addresses N] [--requests N] [--seconds N] [--rate PER_SECOND]\n"
    "            [--what new|same|forged|large] [--models N] [--first N] [--body FILE | --get]\n";

static const struct option options[] = {
    {"port", 1, NULL, 'p'},      {"path", 1, NULL, 'P'},       {"secret", 1, NULL, 's'},
    {"header", 1, NULL, 'h'},    {"body-alone", 0, NULL, 'a'}, {"connections", 1, NULL, 'c'},
    {"addresses", 1, NULL, 'A'}, {"requests", 1, NULL, 'n'},   {"seconds", 1, NULL, 't'},
    {"rate", 1, NULL, 'r'},      {"what", 1, NULL, 'w'},       {"models", 1, NULL, 'm'},
    {"first", 1, NULL, 'f'},     {"body", 1, NULL, 'b'},       {"get", 0, NULL, 'g'},
    {NULL, 0, NULL, 0}};

static bool read_what(struct load_options *o, const char *text)
{
    static const char *const words[] = {"new", "same", "forged", "large"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(text, words[i]) == 0) {
            o->what = (enum send_what)i;
            return true;
        }
    }
    return false;
}

static bool read_body(struct load_options *o, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    o->body = malloc(1U << 20);
    o->body_len = o->body == NULL ? 0 : fread(o->body, 1, 1U << 20, file);
    (void)fclose(file);
    return o->body_len > 0;
}

static bool take(struct load_options *o, int option, char *text)
{
    switch (option) {
    case 'p':
        o->port = strtoul(text, NULL, 10);
        return true;
    case 'P':
        o->path = text;
        return true;
    case 's':
        o->secret = text;
        return true;
    case 'h':
        o->header = text;
        return true;
    case 'a':
        o->body_alone = true;
        return true;
    case 'g':
        o->get = true;
        return true;
    case 'c':
        o->connections = strtoul(text, NULL, 10);
        return o->connections > 0;
    case 'A':
        o->addresses = strtoul(text, NULL, 10);
        return o->addresses > 0;
    case 'n':
        o->requests = strtoull(text, NULL, 10);
        return true;
    case 't':
        o->seconds = strtoll(text, NULL, 10);
        return true;
    case 'r':
        o->rate = strtod(text, NULL);
        return true;
    case 'm':
        o->models = strtoull(text, NULL, 10);
        return true;
    case 'f':
        o->first = strtoull(text, NULL, 10);
        return true;
    case 'w':
        return read_what(o, text);
    case 'b':
        return read_body(o, text);
    default:
        return false;
    }
}

bool load_options_read(struct load_options *o, int argc, char **argv)
{
    *o = (struct load_options){.path = "/hooks/grafana",
                               .header = "X-Grafana-Alerting-Signature",
                               .connections = 1,
                               .addresses = 8,
                               .requests = 1000000,
                               .seconds = 60};
    (void)snprintf(o->stamp, sizeof(o->stamp), "%lld", (long long)time(NULL));
    static char nothing[] = "";
    for (int option = 0; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (!take(o, option, optarg)) {
            fputs(usage, stderr);
            return false;
        }
    }
    if (o->get)
        o->body = nothing;
    if (o->port == 0)
        fputs(usage, stderr);
    return o->port != 0;
}
