/* Options and listeners: addresses, ports, socket files. */
#include "tests/support/http_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
enum { PATIENCE_MS = 5000 };

static void ipv6_is_served_where_there_is_any(void **state)
{
    (void)state;
    struct probe p;
    struct error err = {0};
    char answer[1024];
    probe_defaults(&p);
    p.options.host = "::1";
    int failed = http_server_start(&p.server, &p.options, &err);
    if (failed == -EADDRNOTAVAIL || failed == -EAFNOSUPPORT)
        skip();
    assert_int_equal(failed, 0);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(http_server_port(p.server)),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    probe_send_text(fd, GET);
    probe_read(fd, answer, sizeof(answer), "GET /a ::1 ", PATIENCE_MS, NULL);
    close(fd);
    assert_non_null(strstr(answer, "GET /a ::1 "));
    probe_stop(&p, 0);
}

static void options_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct probe p, q;
    struct error err = {0};
    struct http_server *s = NULL;
    probe_defaults(&p);
    probe_start(&p);
    for (int i = 0; i < 10; i++) {
        probe_defaults(&q);
        int want = -EINVAL;
        switch (i) {
        case 0:
            q.options.threads = 0;
            break;
        case 1:
            q.options.connections = 1;
            break;
        case 2:
            q.options.header_max = 100;
            break;
        case 3:
            q.options.header_max = 16 << 20;
            break;
        case 4:
            q.options.body_max = 0;
            break;
        case 5:
            q.options.header_time_ms = 0;
            break;
        case 6:
            q.options.host = "localhost";
            break;
        case 7:
            q.options.host = NULL;
            break;
        case 8:
            q.options.unix_path = "/tmp/both";
            break;
        default:
            q.options.port = http_server_port(p.server);
            want = -EADDRINUSE;
            break;
        }
        err.text[0] = '\0';
        assert_int_equal(http_server_start(&s, &q.options, &err), want);
        assert_true(err.text[0] != '\0');
    }
    probe_stop(&p, 0);
    http_server_stop(NULL, 0);
}

/* Runs a server of one thread that many clients leave; what it wrote to stderr meanwhile. */
static void capture_words(char *out, size_t max)
{
    struct probe p;
    int words = memfd_create("words", MFD_CLOEXEC);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(words >= 0 && saved >= 0 && dup2(words, STDERR_FILENO) >= 0);
    probe_defaults(&p);
    p.options.threads = 1;
    probe_start(&p);
    for (unsigned i = 0; i < 30; i++) {
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
        probe_counts(&p.begun, i + 1);
        close(fd);
    }
    bool left = probe_counts(&p.done, 30);
    probe_stop(&p, 0);
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    assert_true(left);
    ssize_t n = pread(words, out, max - 1, 0);
    (void)close(words);
    assert_true(n >= 0);
    out[n] = '\0';
}

static void what_the_library_says_becomes_a_few_log_lines(void **state)
{
    (void)state;
    static char words[65536];
    capture_words(words, sizeof(words));
    assert_int_equal(probe_occurrences(words, "event=listening listener=probe "), 1);
    assert_in_range(probe_occurrences(words, "event=library listener=probe message="), 1, 10);
    /* And nothing else: it has no complaint about a pool of one, and writes nothing by itself. */
    assert_int_equal(probe_occurrences(words, " module=http_server "),
                     probe_occurrences(words, "\n"));
    assert_null(strstr(words, "pool"));
}

static void socket_path(char out[static 108])
{
    (void)snprintf(out, 108, "/tmp/test_http_server.%ld.sock", (long)getpid());
    unlink(out);
}

static void use_path(struct probe *p, const char *path)
{
    probe_defaults(p);
    p->options.host = NULL;
    p->options.unix_path = path;
}

static void ask_on(const char *path)
{
    char answer[1024];
    int fd = probe_connect_unix(path);
    assert_true(fd >= 0);
    probe_send_text(fd, GET);
    probe_read(fd, answer, sizeof(answer), "GET /a unix ", PATIENCE_MS, NULL);
    close(fd);
    assert_non_null(strstr(answer, "GET /a unix "));
}

static void a_socket_file_is_served_and_removed_at_the_end(void **state)
{
    (void)state;
    struct probe p;
    char path[108];
    struct stat there;
    socket_path(path);
    use_path(&p, path);
    p.options.per_address = 1;
    probe_start(&p);
    assert_int_equal(http_server_port(p.server), 0);
    assert_int_equal(stat(path, &there), 0);
    assert_int_equal(there.st_mode & 07777, 0660);
    ask_on(path);
    ask_on(path);
    probe_stop(&p, 0);
    assert_int_equal(stat(path, &there), -1);
}

static void a_stale_socket_file_is_replaced_but_no_living_one_and_no_other_file(void **state)
{
    (void)state;
    struct probe p, q;
    struct error err = {0};
    char path[108];
    socket_path(path);
    struct sockaddr_un stale = {.sun_family = AF_UNIX};
    (void)snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&stale, sizeof(stale)), 0);
    close(fd);
    use_path(&p, path);
    probe_start(&p);
    ask_on(path);
    use_path(&q, path);
    assert_int_equal(http_server_start(&q.server, &q.options, &err), -EADDRINUSE);
    ask_on(path); /* the first one was not harmed */

    /* A successor that was given the path meanwhile keeps it. */
    assert_int_equal(unlink(path), 0);
    probe_start(&q);
    probe_stop(&p, 0);
    ask_on(path);
    probe_stop(&q, 0);

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    use_path(&p, path);
    assert_int_equal(http_server_start(&p.server, &p.options, &err), -EEXIST);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void note_uid(void *self, struct http_request *r)
{
    uid_t uid = 0;
    bool known = http_request_peer_uid(r, &uid);
    *(long *)self = known ? (long)uid : -1;
    http_request_answer(r, 204, NULL, "", 0, NULL, 0);
}

static void nothing(void *self, struct http_request *r)
{
    (void)self;
    (void)r;
}

static void the_user_at_the_other_end_of_a_socket_file_is_known(void **state)
{
    (void)state;
    for (int unix_socket = 0; unix_socket < 2; unix_socket++) {
        struct probe p;
        char path[108], answer[1024];
        long uid = -2;
        socket_path(path);
        probe_defaults(&p);
        if (unix_socket == 1)
            use_path(&p, path);
        p.options.handler =
            (struct http_handler){.self = &uid, .begin = nothing, .complete = note_uid};
        probe_start(&p);
        int fd =
            unix_socket == 1 ? probe_connect_unix(path) : probe_connect(http_server_port(p.server));
        probe_send_text(fd, GET);
        probe_read(fd, answer, sizeof(answer), "\r\n\r\n", PATIENCE_MS, NULL);
        close(fd);
        assert_int_equal(probe_status(answer), 204);
        probe_stop(&p, 1000);
        assert_int_equal(uid, unix_socket == 1 ? (long)getuid() : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv6_is_served_where_there_is_any),
        cmocka_unit_test(options_that_cannot_work_are_refused),
        cmocka_unit_test(what_the_library_says_becomes_a_few_log_lines),
        cmocka_unit_test(a_socket_file_is_served_and_removed_at_the_end),
        cmocka_unit_test(a_stale_socket_file_is_replaced_but_no_living_one_and_no_other_file),
        cmocka_unit_test(the_user_at_the_other_end_of_a_socket_file_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
