/*
 * Calls that fail on request: the linker puts what is here before libpq, ZeroMQ, libcurl and the C
 * library in the daemons of a build with FAULTS.  A file faults/PROGRAM in the working directory is
 * the table of what to fail, shared with the tests, which write into it; without it nothing fails.
 * tests/chaos/parts/plans.mjs knows the layout.
 */
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zmq.h>

#define FUNCTION_MAX 40

/* What kind of call fails, and how: the tests' names are in plans.mjs, in this order. */
enum kind {
    ASKED,     /* the database's connection dies before a statement is sent */
    ANSWERED,  /* ... after the database has done it, before we know */
    STATEMENT, /* the database refuses a statement: one without its arguments */
    SENT,      /* a message of the bus cannot be sent now */
    RECEIVED,  /* taking one from the bus is interrupted by a signal */
    FILES,     /* a file or directory: no descriptors, no room, no medium */
    CALLED,    /* the provider (or mail server) cannot be reached */
    TOLD,      /* ... has done it, and its answer breaks off at the end */
    MEMORY,    /* no memory */
    SYSTEM,    /* no thread, no descriptor for events */
    KINDS
};

struct plan {
    _Atomic uint64_t calls;   /* so far */
    _Atomic uint64_t fail_at; /* the first call from here on (of only) fails, and makes this 0 */
    _Atomic uint64_t failed;
    char function[FUNCTION_MAX]; /* that failed last */
    char only[FUNCTION_MAX];     /* "": any */
    char unused[24];             /* 128 bytes in all */
};

static struct plan *plans;

__attribute__((constructor)) static void plans_open(void)
{
    char path[512];
    void *p;
    int fd;

    snprintf(path, sizeof path, "faults/%s", program_invocation_short_name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    p = mmap(NULL, KINDS * sizeof *plans, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED)
        plans = p;
}

/* Whether this call is the one. */
static bool fails(enum kind kind, const char *function)
{
    uint64_t n, at;

    if (!plans)
        return false;
    n = atomic_fetch_add(&plans[kind].calls, 1) + 1;
    at = atomic_load(&plans[kind].fail_at);
    if (!at || n < at || (*plans[kind].only && strcmp(plans[kind].only, function) != 0) ||
        !atomic_compare_exchange_strong(&plans[kind].fail_at, &at, 0))
        return false;
    snprintf(plans[kind].function, FUNCTION_MAX, "%s", function);
    atomic_fetch_add(&plans[kind].failed, 1);
    return true;
}

/* name is called as __wrap_name by the daemons; here __real_name is the library's. */
#define WRAP(type, name, ...)        \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

/* Fails with an errno. */
#define FAIL(kind, error, result)        \
    do {                                 \
        if (fails(kind, __func__ + 7)) { \
            errno = error;               \
            return result;               \
        }                                \
    } while (0)

/* ---- the database ---- */

/* Puts a connection whose other end is closed in the place of this one. */
static void cut(const PGconn *pg)
{
    int pair[2];

    if (PQsocket(pg) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
        return;
    close(pair[1]);
    dup2(pair[0], PQsocket(pg));
    close(pair[0]);
}

static void cut_before(const PGconn *pg, const char *function)
{
    if (fails(ASKED, function))
        cut(pg);
}

WRAP(PGconn *, PQconnectdbParams, const char *const *keys, const char *const *values, int expand)
{
    const char *nowhere[] = {"host", NULL}, *there[] = {"/nonexistent", NULL};

    if (fails(ASKED, "PQconnectdbParams"))
        return __real_PQconnectdbParams(nowhere, there, 0);
    return __real_PQconnectdbParams(keys, values, expand);
}

WRAP(PGresult *, PQexec, PGconn *pg, const char *sql)
{
    cut_before(pg, "PQexec");
    if (fails(ANSWERED, "PQexec")) {
        PQclear(__real_PQexec(pg, sql));
        cut(pg);
    }
    return __real_PQexec(pg, sql);
}

WRAP(PGresult *, PQprepare, PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    cut_before(pg, "PQprepare");
    return __real_PQprepare(pg, name, sql, n, types);
}

WRAP(int, PQsendPrepare, PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    cut_before(pg, "PQsendPrepare");
    return __real_PQsendPrepare(pg, name, sql, n, types);
}

WRAP(PGresult *, PQexecPrepared, PGconn *pg, const char *name, int n, const char *const *values,
     const int *lengths, const int *formats, int format)
{
    cut_before(pg, "PQexecPrepared");
    if (n && fails(STATEMENT, name))
        n = 0;
    if (fails(ANSWERED, name)) {
        PQclear(__real_PQexecPrepared(pg, name, n, values, lengths, formats, format));
        cut(pg);
    }
    return __real_PQexecPrepared(pg, name, n, values, lengths, formats, format);
}

WRAP(int, PQsendQueryPrepared, PGconn *pg, const char *name, int n, const char *const *values,
     const int *lengths, const int *formats, int format)
{
    cut_before(pg, name);
    if (n && fails(STATEMENT, name))
        n = 0;
    return __real_PQsendQueryPrepared(pg, name, n, values, lengths, formats, format);
}

WRAP(int, PQpipelineSync, PGconn *pg)
{
    cut_before(pg, "PQpipelineSync");
    return __real_PQpipelineSync(pg);
}

WRAP(PGresult *, PQgetResult, PGconn *pg)
{
    if (fails(ANSWERED, "PQgetResult")) { /* what was read before still is an answer */
        struct pollfd done = {.fd = PQsocket(pg), .events = POLLIN};
        PQflush(pg);
        poll(&done, 1, 500);
        cut(pg);
    }
    return __real_PQgetResult(pg);
}

WRAP(int, PQconsumeInput, PGconn *pg)
{
    if (fails(ANSWERED, "PQconsumeInput"))
        cut(pg);
    return __real_PQconsumeInput(pg);
}

/* ---- the bus ---- */

/* A message's first frame may be refused; the others then never are. */
static _Thread_local bool sending;

static bool send_fails(int flags, const char *function)
{
    bool first = !sending;

    sending = false;
    if (!first || !fails(SENT, function)) {
        sending = flags & ZMQ_SNDMORE;
        return false;
    }
    errno = EAGAIN;
    return true;
}

WRAP(int, zmq_send, void *socket, const void *data, size_t size, int flags)
{
    return send_fails(flags, "zmq_send") ? -1 : __real_zmq_send(socket, data, size, flags);
}

WRAP(int, zmq_msg_send, zmq_msg_t *m, void *socket, int flags)
{
    return send_fails(flags, "zmq_msg_send") ? -1 : __real_zmq_msg_send(m, socket, flags);
}

static _Thread_local bool receiving;

WRAP(int, zmq_msg_recv, zmq_msg_t *m, void *socket, int flags)
{
    int r;

    if (!receiving && fails(RECEIVED, "zmq_msg_recv")) {
        int events;
        size_t size = sizeof events;
        zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size); /* it tells nobody of them again */
        errno = EINTR;
        return -1;
    }
    r = __real_zmq_msg_recv(m, socket, flags);
    receiving = r >= 0 && zmq_msg_more(m);
    return r;
}

WRAP(int, zmq_poll, zmq_pollitem_t *items, int n, long ms)
{
    FAIL(RECEIVED, EINTR, -1);
    return __real_zmq_poll(items, n, ms);
}

/* ---- files ---- */

/* Pipes, sockets and events have their own ways to fail. */
static bool is_file(int fd)
{
    struct stat s;

    return plans && fd > STDERR_FILENO && fstat(fd, &s) == 0 &&
           (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode));
}

WRAP(int, open, const char *path, int flags, mode_t mode)
{
    FAIL(FILES, EMFILE, -1);
    return __real_open(path, flags, mode);
}

WRAP(int, openat, int at, const char *path, int flags, mode_t mode)
{
    FAIL(FILES, EMFILE, -1);
    return __real_openat(at, path, flags, mode);
}

WRAP(DIR *, opendir, const char *path)
{
    FAIL(FILES, EMFILE, NULL);
    return __real_opendir(path);
}

WRAP(ssize_t, read, int fd, void *to, size_t size)
{
    if (is_file(fd))
        FAIL(FILES, EIO, -1);
    return __real_read(fd, to, size);
}

WRAP(ssize_t, pread, int fd, void *to, size_t size, off_t at)
{
    FAIL(FILES, EIO, -1);
    return __real_pread(fd, to, size, at);
}

WRAP(ssize_t, write, int fd, const void *data, size_t size)
{
    if (is_file(fd))
        FAIL(FILES, ENOSPC, -1);
    return __real_write(fd, data, size);
}

WRAP(ssize_t, pwrite, int fd, const void *data, size_t size, off_t at)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_pwrite(fd, data, size, at);
}

WRAP(int, fsync, int fd)
{
    FAIL(FILES, EIO, -1);
    return __real_fsync(fd);
}

WRAP(int, ftruncate, int fd, off_t size)
{
    FAIL(FILES, EIO, -1);
    return __real_ftruncate(fd, size);
}

WRAP(int, rename, const char *from, const char *to)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_rename(from, to);
}

WRAP(int, renameat, int at, const char *from, int other, const char *to)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_renameat(at, from, other, to);
}

WRAP(int, link, const char *from, const char *to)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_link(from, to);
}

WRAP(int, unlinkat, int at, const char *path, int flags)
{
    FAIL(FILES, EIO, -1);
    return __real_unlinkat(at, path, flags);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_mkdir(path, mode);
}

WRAP(int, mkdirat, int at, const char *path, mode_t mode)
{
    FAIL(FILES, ENOSPC, -1);
    return __real_mkdirat(at, path, mode);
}

WRAP(int, fstatvfs, int fd, struct statvfs *ret)
{
    FAIL(FILES, EIO, -1);
    return __real_fstatvfs(fd, ret);
}

/* ---- the provider ---- */

static _Atomic int refusals; /* of connections */

static curl_socket_t connection_open(void *state, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)state;
    (void)purpose;
    if (atomic_exchange(&refusals, 0))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Handles are used again: what is set here refuses only once. */
WRAP(CURLMcode, curl_multi_add_handle, CURLM *multi, CURL *easy)
{
    if (fails(CALLED, "curl_multi_add_handle")) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, connection_open);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        atomic_store(&refusals, 1);
    }
    return __real_curl_multi_add_handle(multi, easy);
}

WRAP(CURLMsg *, curl_multi_info_read, CURLM *multi, int *left)
{
    CURLMsg *m = __real_curl_multi_info_read(multi, left);

    if (m && m->msg == CURLMSG_DONE && fails(TOLD, "curl_multi_info_read"))
        m->data.result = CURLE_RECV_ERROR;
    return m;
}

WRAP(CURLcode, curl_easy_perform, CURL *easy)
{
    CURLcode code;

    if (fails(CALLED, "curl_easy_perform"))
        return CURLE_COULDNT_CONNECT;
    code = __real_curl_easy_perform(easy);
    return fails(TOLD, "curl_easy_perform") ? CURLE_RECV_ERROR : code;
}

/* ---- memory and the rest ---- */

WRAP(void *, malloc, size_t size)
{
    FAIL(MEMORY, ENOMEM, NULL);
    return __real_malloc(size);
}

WRAP(void *, calloc, size_t n, size_t size)
{
    FAIL(MEMORY, ENOMEM, NULL);
    return __real_calloc(n, size);
}

WRAP(void *, realloc, void *p, size_t size)
{
    FAIL(MEMORY, ENOMEM, NULL);
    return __real_realloc(p, size);
}

WRAP(char *, strdup, const char *s)
{
    FAIL(MEMORY, ENOMEM, NULL);
    return __real_strdup(s);
}

WRAP(int, pthread_create, pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
     void *state)
{
    if (fails(SYSTEM, "pthread_create"))
        return EAGAIN;
    return __real_pthread_create(ret, attr, run, state);
}

WRAP(int, eventfd, unsigned value, int flags)
{
    FAIL(SYSTEM, EMFILE, -1);
    return __real_eventfd(value, flags);
}

WRAP(int, epoll_ctl, int epoll, int what, int fd, struct epoll_event *e)
{
    if (what == EPOLL_CTL_ADD) /* the others need nothing that could be used up */
        FAIL(SYSTEM, ENOSPC, -1);
    return __real_epoll_ctl(epoll, what, fd, e);
}
