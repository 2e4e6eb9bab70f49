/* The load generator: requests to a proxy, every answer checked, one JSON line with the figures.
 *
 *   load --port PORT --body FILE [--path P] [--header "name: value"]... [--connections N]
 *        [--seconds S | --rounds N] [--rate R] [--tokens N] [--mark TEXT] [--timeout S]
 *
 * Closed loop (default): each connection sends its next request as soon as an answer is complete, for
 * --seconds, or --rounds requests each. Open loop: --rate requests per second for --seconds, each on an
 * idle connection. --tokens: answers are SSE streams with that many tokens, ended by --mark.
 *
 * Exit code 1 if any answer was wrong; the line then says what was wrong first.
 */
#define _GNU_SOURCE
#include "options.h"
#include "response.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, MAX_EVENTS = 512, MAX_SAMPLES = 1 << 21, TICK = -1 };

struct connection {
    int fd;
    bool busy;
    long rounds; /* answers so far */
    size_t sent; /* bytes of the request that the socket has taken */
    uint64_t started_ns;
    struct response response;
};

static struct options options;

static struct {
    uint64_t requests, tokens, failures, reconnects;
    const char *failure;
    uint32_t *latencies_us;
} result;

static char *request;
static size_t request_length;
static struct expectation expected;
static struct connection *connections;
static long busy;
static int epoll_fd;
static uint64_t start_ns, end_ns;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void watch(int operation, int fd, uint32_t events, int64_t index)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)index};
    if (epoll_ctl(epoll_fd, operation, fd, &event))
        die("epoll_ctl");
}

static void connect_to_proxy(struct connection *c)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->busy = false;
    watch(EPOLL_CTL_ADD, c->fd, EPOLLIN, c - connections);
}

static void reconnect(struct connection *c)
{
    close(c->fd);
    result.reconnects++;
    connect_to_proxy(c);
}

static void fail(struct connection *c, const char *why)
{
    if (result.failures++ == 0)
        result.failure = why;
    if (c->busy)
        busy--;
    c->rounds++;
    reconnect(c);
}

static void send_rest(struct connection *c)
{
    ssize_t sent = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return; /* the reader meets the same error */
    bool was_blocked = c->sent > 0;
    c->sent += sent > 0 ? (size_t)sent : 0;
    if (c->sent < request_length)
        watch(EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT, c - connections);
    else if (was_blocked)
        watch(EPOLL_CTL_MOD, c->fd, EPOLLIN, c - connections);
}

static void send_request(struct connection *c)
{
    reset_response(&c->response);
    c->busy = true;
    c->sent = 0;
    c->started_ns = now_ns();
    busy++;
    send_rest(c);
}

static bool more_to_send(const struct connection *c)
{
    if (options.rate > 0)
        return false;
    return options.rounds ? c->rounds < options.rounds : now_ns() < end_ns;
}

static void finish_answer(struct connection *c)
{
    if (result.requests < MAX_SAMPLES)
        result.latencies_us[result.requests] = (uint32_t)((now_ns() - c->started_ns) / 1000);
    result.requests++;
    result.tokens += c->response.tokens;
    c->rounds++;
    c->busy = false;
    busy--;
    if (c->response.closes)
        reconnect(c);
}

static void read_answer(struct connection *c)
{
    static char data[READ_BYTES];
    ssize_t got = recv(c->fd, data, sizeof data, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (!c->busy && got <= 0) {
        reconnect(c); /* an idle connection may be closed at any time */
        return;
    }
    const char *wrong = "the connection was closed before the end of the answer";
    if (got > 0)
        wrong = c->busy ? feed_response(&c->response, data, (size_t)got, &expected) : "bytes without a request";
    if (wrong)
        fail(c, wrong);
    else if (c->response.complete)
        finish_answer(c);
    if (!c->busy && more_to_send(c))
        send_request(c);
}

/* One tick of the open loop. A proxy so slow that every connection is busy has failed the rate. */
static void send_on_idle(int timer)
{
    uint64_t ticks;
    static long next;
    if (read(timer, &ticks, sizeof ticks) != sizeof ticks)
        die("timer");
    for (long i = 0; i < options.connections; i++) {
        struct connection *c = &connections[(next + i) % options.connections];
        if (!c->busy) {
            next = c - connections + 1;
            send_request(c);
            return;
        }
    }
    if (result.failures++ == 0)
        result.failure = "no idle connection: the proxy does not keep up with the rate";
}

static int start_timer(void)
{
    long period = (long)(1e9 / options.rate);
    struct timespec every = {period / 1000000000, period % 1000000000};
    struct itimerspec spec = {every, every};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer < 0 || timerfd_settime(timer, 0, &spec, NULL))
        die("timerfd");
    watch(EPOLL_CTL_ADD, timer, EPOLLIN, TICK);
    return timer;
}

/* Sends and receives until the time is over or every round is done, and no answer is outstanding. */
static void run(void)
{
    static struct epoll_event events[MAX_EVENTS];
    int timer = options.rate > 0 ? start_timer() : -1;
    uint64_t give_up = end_ns + (uint64_t)(options.timeout * 1e9);
    while (busy || (options.rate > 0 && now_ns() < end_ns)) {
        int count = epoll_wait(epoll_fd, events, MAX_EVENTS, 0);
        if (count == 0)
            sched_yield(); /* it does not sleep, for the reason at the head of mock_engine.c */
        for (int i = 0; i < count; i++) {
            int64_t index = (int64_t)events[i].data.u64;
            if (index == TICK) {
                if (now_ns() < end_ns)
                    send_on_idle(timer);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                send_rest(&connections[index]);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                read_answer(&connections[index]);
        }
        if (now_ns() > give_up) {
            result.failures += (uint64_t)busy;
            result.failure = "answers are outstanding after the timeout";
            return;
        }
    }
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void report(double seconds)
{
    uint64_t samples = result.requests < MAX_SAMPLES ? result.requests : MAX_SAMPLES;
    uint32_t *l = result.latencies_us;
    qsort(l, samples, sizeof *l, compare);
    printf("{\"requests\": %lu, \"tokens\": %lu, \"seconds\": %.6f, \"failures\": %lu, \"failure\": \"%s\", "
           "\"reconnects\": %lu, \"p50_us\": %u, \"p99_us\": %u}\n",
           result.requests, result.tokens, seconds, result.failures, result.failure ? result.failure : "",
           result.reconnects, samples ? l[samples / 2] : 0, samples ? l[samples * 99 / 100] : 0);
}

static void make_request(void)
{
    char *body = NULL;
    size_t length = 0;
    FILE *file = fopen(options.body, "r");
    if (!file || getdelim(&body, &length, EOF, file) < 0)
        die(options.body);
    fclose(file);
    int size = asprintf(&request, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%u\r\ncontent-type: application/json\r\n"
                        "%scontent-length: %zu\r\n\r\n%s",
                        options.path, options.port, options.headers, strlen(body), body);
    if (size < 0)
        die("request");
    request_length = (size_t)size;
    free(body);
}

int main(int argc, char **argv)
{
    options = parse_options(argc, argv);
    make_request();
    expected = (struct expectation){"\" token\"", (size_t)options.tokens, options.mark};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)options.connections, sizeof *connections);
    result.latencies_us = calloc(MAX_SAMPLES, sizeof *result.latencies_us);
    if (!connections || !result.latencies_us)
        die("calloc");
    for (long i = 0; i < options.connections; i++)
        connect_to_proxy(&connections[i]);
    start_ns = now_ns();
    end_ns = start_ns + (uint64_t)(options.seconds * 1e9);
    for (long i = 0; options.rate <= 0 && i < options.connections; i++)
        send_request(&connections[i]);
    run();
    report((double)(now_ns() - start_ns) / 1e9);
    return result.failures ? 1 : 0;
}
