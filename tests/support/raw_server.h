/* raw_server.h - a server of plain sockets on 127.0.0.1 that misbehaves as told, and calls to it.
 *
 * Each connection has a thread. The server counts the connections it took and the requests that
 * reached it in whole. The program that links this also resolves names its own way, so that no test
 * depends on a network: *.invalid is unknown, stuck.invalid takes two seconds to be. */
#ifndef TESTS_SUPPORT_RAW_SERVER_H
#define TESTS_SUPPORT_RAW_SERVER_H

#include "relay/base/http_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum raw_behaviour {
    SAY,           /* reads the request, sends `say`, closes */
    SAY_AND_KEEP,  /* the same, then waits for another request on the connection */
    DIE_ON_SECOND, /* as SAY_AND_KEEP, but the second request of a connection gets nothing */
    CLOSE_UNREAD,  /* closes without reading */
    RESET_UNREAD,  /* resets without reading */
    RESET_READ,    /* reads the request, then resets */
    HANG,          /* reads the request, says nothing */
    HANG_UNREAD,   /* never reads */
    TRICKLE,       /* answers one byte of `say` a moment, without end */
    FLOOD,         /* 10 MB body */
    MANY_HEADERS,  /* more header lines than allowed */
    BIG_HEADER,    /* more header bytes than allowed */
    MANY_INTERIM,  /* 100 Continue without end */
};

#define CONNECTIONS_MAX 8

struct raw_server {
    enum raw_behaviour behaviour;
    const char *say;
    int listen_fd;
    uint16_t port;
    char unix_path[64], url[64];
    pthread_t acceptor, threads[CONNECTIONS_MAX];
    atomic_int n_connections, n_requests;
    pthread_mutex_t lock;
    char last_request[8192]; /* under lock; freely after raw_server_stop() */
};

#define RAW_SERVER_INIT                                                                            \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }
#define OK_HEADER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

/* Only listens; the caller accepts, or nobody does, and closes s->listen_fd. */
void raw_server_listen(struct raw_server *s, int backlog);
/* say must live until raw_server_stop(). */
void raw_server_start(struct raw_server *s, enum raw_behaviour behaviour, const char *say);
/* When the clients have gone: every thread ends by itself. Returns the requests that came. */
int raw_server_stop(struct raw_server *s);
/* Written into s, so only one at a time. */
const char *raw_server_url(struct raw_server *s, const char *scheme);
void raw_send_text(int fd, const char *text);

/* A POST of RAW_BODY with short timeouts and a canary for a token. */
#define RAW_BODY "{\"ref\":\"main\"}"
struct http_call raw_post(const char *url);
/* Starts s and makes a raw_post() to it. */
struct http_call raw_server_post(struct raw_server *s, enum raw_behaviour behaviour,
                                 const char *say);
/* http_call_once() that must be tried; checks what holds for every result. */
void raw_call_once(const struct http_call *call, struct http_result *result);
/* For cmocka's groups: what every program that calls must do first. */
int raw_setup(void **state);

#endif
