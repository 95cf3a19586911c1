/* load_options.h - what the command line of `load` asks for. */
#ifndef TESTS_BENCH_LOAD_OPTIONS_H
#define TESTS_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum send_what {
    SEND_NEW,    /* each notification once */
    SEND_SAME,   /* one notification, with one signature, again and again */
    SEND_FORGED, /* with a MAC that is not right */
    SEND_LARGE,  /* with a length past every limit */
};

struct load_options {
    unsigned long port;
    const char *path, *secret, *header; /* secret NULL: unsigned */
    bool body_alone, get;
    size_t connections, addresses;
    uint64_t requests, first, models;
    int64_t seconds;
    double rate; /* a second; 0 = closed loop */
    enum send_what what;
    char stamp[24]; /* SEND_SAME: the signed time, so that every run sends the same */
    char *body;     /* --body FILE */
    size_t body_len;
};

/* False: said why on stderr. */
bool load_options_read(struct load_options *o, int argc, char **argv);

#endif
