/* http_probe.h - a real HTTP server with a handler that tests can watch, and raw sockets to ask it.
 *
 * What the handler does follows the path:
 *   /early  begin() answers 401             /hold   complete() promises an answer: probe_take()
 *   /silent neither answers nor promises    /wait   as /hold, and waits in the handler for the
 * answer /early-hold begin() promises            /large  answers 8 MiB else    complete() answers
 * 200 with "METHOD PATH PEER BODY" (411 when a POST lacks a length) */
#ifndef TESTS_SUPPORT_HTTP_PROBE_H
#define TESTS_SUPPORT_HTTP_PROBE_H

#include "relay/base/http_server.h"

#include <pthread.h>
#include <stdatomic.h>

struct probe_held {
    struct http_request *request;
    struct probe_held *next;
};

struct probe {
    struct http_server_options options; /* what the server was started with */
    struct http_server *server;
    atomic_uint begun, completed, done, refused;
    pthread_mutex_t lock; /* below */
    pthread_cond_t changed;
    struct probe_held *held_first, *held_last;
    unsigned answered; /* by probe_answer() */
    int refused_status;
    char refused_reason[32];
};

/* 127.0.0.1, 2 threads, body 1000 bytes, header 4 KiB, header and body time 30 s, 64 connections.
 */
void probe_defaults(struct probe *p);
/* Starts with p->options; fails the test otherwise. */
void probe_start(struct probe *p);
void probe_stop(struct probe *p, int64_t wait_ms);
/* The oldest request that waits for its answer; waits for one. NULL after 10 s. */
struct http_request *probe_take(struct probe *p);
void probe_answer(struct probe *p, struct http_request *r, const char *body);
/* True when the counter reaches n within 5 s. */
bool probe_counts(atomic_uint *counter, unsigned n);

int probe_connect(uint16_t port);
int probe_connect_unix(const char *path);
void probe_send(int fd, const void *bytes, size_t len);
void probe_send_text(int fd, const char *text);
/* Reads until the server closes, `until` (may be NULL) was read, or timeout_ms passed; the text is
 * terminated. *closed (may be NULL) tells whether the server closed. */
size_t probe_read(int fd, char *out, size_t max, const char *until, int timeout_ms, bool *closed);
/* Of an answer's status line, 0 if there is none. */
int probe_status(const char *answer);
unsigned probe_occurrences(const char *text, const char *part);
int64_t probe_now_ms(void);
void probe_sleep_ms(int ms);

#endif
