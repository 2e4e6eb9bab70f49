/* A vLLM that costs nothing: what a proxy's own cost is measured in front of.
 *
 *   mock_engine --tcp PORT --unix PATH [--model NAME]
 *
 * HTTP/1.1 with keep-alive on both sockets, one thread, one epoll loop. Routes: POST /v1/chat/completions,
 * GET /health /v1/models /metrics. The request says what comes back:
 *   "stream": true        an SSE stream, else one JSON document
 *   "max_tokens": N       N content chunks (also max_completion_tokens; default 16)
 *   "seed": MS            milliseconds between the chunks of one stream; 0 or absent: as fast as they go
 * These names are the ones that every proxy passes on. They are looked for in the first and the last
 * kilobyte of the body only, so that a long prompt costs the engine no time; prompts must not hold them.
 *
 * As in a real engine, each step of the loop gives every stream that is due one chunk in a write of its
 * own. Paced streams get theirs at whole milliseconds, from evenly spread phases on: what is due comes as the
 * batch of a step, but never all streams at once.
 *
 * While there is work it does not sleep but yields its core: whoever writes to a process that sleeps pays
 * for waking it, which would be a tax on slow proxies alone, because a fast one never lets its peers sleep.
 */
#define _GNU_SOURCE
#include "answers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 16384, MAX_EVENTS = 512, BODY_EDGE = 1024, DEFAULT_TOKENS = 16, PHASES = 1024, AWAKE_MS = 50, MS = 1000000 };

struct connection {
    int fd;
    char *in; /* the request so far; always ends with a NUL */
    size_t in_length, in_capacity;
    const char *out; /* the rest of an answer that the socket did not take at once */
    size_t out_length;
    bool streaming, blocked;
    size_t stream_index; /* its place in `streams` */
    long tokens_left;
    uint64_t interval_ns, due_ns; /* 0: no pace */
    const struct text *end;
};

static struct answers answers;
static struct connection *connections[MAX_FD];
static struct connection *streams[MAX_FD];
static size_t stream_count;
static int epoll_fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void watch(struct connection *c, bool blocked)
{
    if (c->blocked == blocked)
        return;
    c->blocked = blocked;
    struct epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.fd = c->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Writes what is left of the answer; false when the client has gone. */
static bool flush(struct connection *c)
{
    ssize_t written = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN)
        return false;
    if (written > 0) {
        c->out += written;
        c->out_length -= (size_t)written;
    }
    watch(c, c->out_length > 0);
    return true;
}

static bool answer(struct connection *c, const struct text *text)
{
    c->out = text->bytes;
    c->out_length = text->length;
    return flush(c);
}

static void leave_streams(struct connection *c)
{
    if (!c->streaming)
        return;
    c->streaming = false;
    streams[c->stream_index] = streams[--stream_count];
    streams[c->stream_index]->stream_index = c->stream_index;
}

static void close_connection(struct connection *c)
{
    leave_streams(c);
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in);
    free(c);
}

/* The value behind "name": in the first or last kilobyte of the body, or NULL. */
static const char *value_of(const char *body, size_t length, const char *name)
{
    char pattern[40];
    int pattern_length = snprintf(pattern, sizeof pattern, "\"%s\":", name);
    size_t edge = length < BODY_EDGE ? length : BODY_EDGE;
    const char *found = memmem(body, edge, pattern, (size_t)pattern_length);
    if (!found)
        found = memmem(body + length - edge, edge, pattern, (size_t)pattern_length);
    if (!found)
        return NULL;
    found += pattern_length;
    return found + strspn(found, " ");
}

static long number_of(const char *body, size_t length, const char *name, long otherwise)
{
    const char *value = value_of(body, length, name);
    return value && *value >= '0' && *value <= '9' ? atol(value) : otherwise;
}

static bool begin_stream(struct connection *c, const char *body, size_t length)
{
    static uint64_t started;
    long tokens = number_of(body, length, "max_completion_tokens", DEFAULT_TOKENS);
    const char *usage = value_of(body, length, "include_usage");

    c->tokens_left = number_of(body, length, "max_tokens", tokens);
    c->interval_ns = (uint64_t)number_of(body, length, "seed", 0) * MS;
    /* An odd multiplier visits every phase before it repeats one. */
    uint64_t phase = started++ * 619 % PHASES * c->interval_ns / PHASES;
    c->due_ns = c->interval_ns ? (now_ns() + phase) / MS * MS + MS : 0;
    c->end = usage && *usage == 't' ? &answers.stream_end_usage : &answers.stream_end;
    c->streaming = true;
    c->stream_index = stream_count;
    streams[stream_count++] = c;
    return answer(c, &answers.stream_begin);
}

static bool respond(struct connection *c, const char *body, size_t length)
{
    if (!strncmp(c->in, "POST /v1/chat/completions ", 26)) {
        const char *stream = value_of(body, length, "stream");
        return stream && *stream == 't' ? begin_stream(c, body, length) : answer(c, &answers.completion);
    }
    if (!strncmp(c->in, "GET /health ", 12))
        return answer(c, &answers.health);
    if (!strncmp(c->in, "GET /v1/models ", 15))
        return answer(c, &answers.models);
    if (!strncmp(c->in, "GET /metrics ", 13))
        return answer(c, &answers.metrics);
    return answer(c, &answers.not_found);
}

/* Answers the request in the buffer once it is complete; false when the connection must be closed. */
static bool handle_request(struct connection *c)
{
    char *end = memmem(c->in, c->in_length, "\r\n\r\n", 4);
    if (!end)
        return true;
    end[2] = '\0'; /* so that a search in the headers stays in them */
    const char *field = strcasestr(c->in, "\r\ncontent-length:");
    bool unknown_length = strcasestr(c->in, "\r\ntransfer-encoding:") != NULL;
    end[2] = '\r';
    if (unknown_length) {
        answer(c, &answers.length_required);
        return false;
    }
    size_t head = (size_t)(end + 4 - c->in), length = field ? strtoul(field + 17, NULL, 10) : 0;
    if (c->in_length < head + length)
        return true;
    c->in_length = 0; /* no client of ours sends a second request before the first is answered */
    return respond(c, c->in + head, length);
}

static bool read_request(struct connection *c)
{
    if (c->in_capacity - c->in_length < 4096) {
        c->in_capacity = c->in_capacity ? c->in_capacity * 2 : 8192;
        c->in = realloc(c->in, c->in_capacity + 1);
        if (!c->in)
            die("realloc");
    }
    ssize_t got = recv(c->fd, c->in + c->in_length, c->in_capacity - c->in_length, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    c->in_length += (size_t)got;
    c->in[c->in_length] = '\0';
    return handle_request(c);
}

/* Gives every stream that is due its next chunk. */
static void step(uint64_t now)
{
    for (size_t i = stream_count; i-- > 0;) { /* backwards: a stream that ends gives its place to the last */
        struct connection *c = streams[i];
        if (c->blocked)
            continue;
        if (c->due_ns <= now) {
            bool last = c->tokens_left-- <= 0;
            c->due_ns += c->interval_ns;
            if (last)
                leave_streams(c);
            if (!answer(c, last ? c->end : &answers.stream_token))
                close_connection(c);
        }
    }
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int one = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MAX_FD || !(connections[fd] = calloc(1, sizeof *connections[fd])))
            die("too many connections");
        connections[fd]->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on a Unix socket: no matter */
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
            die("epoll_ctl");
    }
}

static void listen_on(const struct sockaddr *address, socklen_t size)
{
    int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, address, size) || listen(fd, 4096))
        die("listen");
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
}

static void configure(int argc, char **argv)
{
    static const struct option options[] = {
        {"tcp", 1, 0, 't'}, {"unix", 1, 0, 'u'}, {"model", 1, 0, 'm'}, {0, 0, 0, 0}};
    const char *model = "bench";
    int option;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't') {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(optarg))};
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            listen_on((struct sockaddr *)&address, sizeof address);
        } else if (option == 'u') {
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            strncpy(address.sun_path, optarg, sizeof address.sun_path - 1);
            unlink(optarg);
            listen_on((struct sockaddr *)&address, sizeof address);
        } else if (option == 'm') {
            model = optarg;
        } else {
            exit(2);
        }
    }
    render_answers(&answers, model);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[MAX_EVENTS];
    signal(SIGPIPE, SIG_IGN);
    configure(argc, argv);
    for (uint64_t busy_until = 0;;) {
        uint64_t now = now_ns();
        int count = epoll_wait(epoll_fd, events, MAX_EVENTS, stream_count || now < busy_until ? 0 : -1);
        if (count > 0)
            busy_until = now_ns() + AWAKE_MS * MS;
        for (int i = 0; i < count; i++) {
            struct connection *c = connections[events[i].data.fd];
            if (!c)
                accept_all(events[i].data.fd); /* only the listeners have no connection */
            else if (((events[i].events & EPOLLOUT) && !flush(c)) || !read_request(c))
                close_connection(c);
        }
        step(now);
        if (count == 0)
            sched_yield();
    }
}
