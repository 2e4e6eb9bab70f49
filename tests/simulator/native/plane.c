/* Requests arrive, are held or routed, and leave; the caller opens and closes pods between calls.
 *
 * Binding is late: the router keeps a request until a ready pod has room for it, so that new pods take old
 * requests. Events of one moment come in this order: ends of steps, arrivals, expiries. */
#include "plane.h"

#include <math.h>
#include <stdlib.h>

struct plane {
    struct requests requests;
    struct engine engine;
    struct policy policy;
    struct replica *replicas;
    struct gauge gauges[MAX_PODS];
    struct totals totals;
    struct queue held;
    int64_t arrived, places; /* places: as in the totals */
    double now, changed;
};

struct plane *plane_open(const struct requests *requests, const struct engine *engine, const struct policy *policy)
{
    struct plane *plane = calloc(1, sizeof *plane);
    struct replica *replicas = calloc(MAX_PODS, sizeof *replicas);
    if (!plane || !replicas)
        abort();
    plane->requests = *requests;
    plane->engine = *engine;
    plane->policy = *policy;
    plane->replicas = replicas;
    plane->totals.last_completion = NAN;
    return plane;
}

void plane_close(struct plane *plane)
{
    for (int64_t pod = 0; pod < MAX_PODS; pod++)
        replica_close(&plane->replicas[pod]);
    free(plane->held.items);
    free(plane->replicas);
    free(plane);
}

static double load(const struct plane *plane)
{
    return (double)plane->held.length + plane->totals.in_flight;
}

/* To be called before the load changes. */
static void integrate(struct plane *plane)
{
    plane->totals.load_integral += load(plane) * (plane->now - plane->changed);
    plane->changed = plane->now;
}

static void lose(struct plane *plane, int64_t request, enum outcome outcome)
{
    plane->requests.outcome[request] = (int8_t)outcome;
    plane->totals.lost++;
}

static int64_t least_load(const struct plane *plane)
{
    int64_t best = -1;
    for (int64_t pod = 0; pod < plane->places; pod++) {
        const struct gauge *gauge = &plane->gauges[pod];
        if (gauge->phase == READY && gauge->in_flight < (double)plane->policy.limit
            && (best < 0 || gauge->in_flight < plane->gauges[best].in_flight))
            best = pod;
    }
    return best;
}

static void set_in_flight(struct plane *plane, int64_t pod)
{
    plane->gauges[pod].in_flight = (double)replica_in_flight(&plane->replicas[pod]);
}

static void dispatch(struct plane *plane)
{
    while (plane->held.length) {
        int64_t pod = plane->policy.pick ? plane->policy.pick() : least_load(plane);
        if (pod < 0)
            return;
        queue_push(&plane->replicas[pod].waiting, queue_pop(&plane->held));
        plane->totals.in_flight++;
        set_in_flight(plane, pod);
        replica_start(&plane->replicas[pod], &plane->requests, plane->now);
    }
}

static int any_ready(const struct plane *plane)
{
    for (int64_t pod = 0; pod < plane->places; pod++)
        if (plane->gauges[pod].phase == READY)
            return 1;
    return 0;
}

static void arrive(struct plane *plane)
{
    int64_t request = plane->arrived++;
    integrate(plane);
    plane->totals.arrivals++;
    if (plane->policy.refuse && !any_ready(plane)) {
        lose(plane, request, REFUSED);
        return;
    }
    queue_push(&plane->held, request);
    dispatch(plane);
}

static void count_completions(struct plane *plane, const struct counters *before, const struct counters *after)
{
    plane->totals.completions += (double)(after->completions - before->completions);
    plane->totals.in_flight -= (double)(after->completions - before->completions);
    plane->totals.prompt += (double)(after->prompt_completed - before->prompt_completed);
    plane->totals.output += (double)(after->output_completed - before->output_completed);
    plane->totals.last_completion = plane->now;
}

static void end_step(struct plane *plane, int64_t pod)
{
    struct replica *replica = &plane->replicas[pod];
    struct counters before = replica->counters;
    if (replica_finish(replica, &plane->requests)) {
        integrate(plane);
        count_completions(plane, &before, &replica->counters);
        set_in_flight(plane, pod);
        plane->gauges[pod].idle_since = plane->now;
        dispatch(plane);
    }
    replica_start(replica, &plane->requests, plane->now);
}

static void expire(struct plane *plane)
{
    integrate(plane);
    lose(plane, queue_pop(&plane->held), TIMED_OUT);
}

/* The pod whose step ends first, or -1. */
static int64_t next_step(const struct plane *plane)
{
    int64_t best = -1;
    double at = INFINITY;
    for (int64_t pod = 0; pod < plane->places; pod++)
        if (plane->replicas[pod].step_end < at) {
            best = pod;
            at = plane->replicas[pod].step_end;
        }
    return best;
}

void plane_advance(struct plane *plane, double until)
{
    const struct requests *requests = &plane->requests;
    for (;;) {
        int64_t pod = next_step(plane);
        double step = pod < 0 ? INFINITY : plane->replicas[pod].step_end;
        double arrival = plane->arrived < requests->count ? requests->arrival[plane->arrived] : INFINITY;
        double expiry = plane->held.length
            ? requests->arrival[plane->held.items[plane->held.head]] + plane->policy.hold_seconds : INFINITY;
        double next = fmin(step, fmin(arrival, expiry));
        if (next > until)
            break;
        plane->now = next;
        if (step == next)
            end_step(plane, pod);
        else if (arrival == next)
            arrive(plane);
        else
            expire(plane);
    }
    plane->now = until;
    integrate(plane);
}

int64_t plane_add(struct plane *plane)
{
    int64_t pod = 0;
    while (pod < MAX_PODS && plane->gauges[pod].phase != ABSENT)
        pod++;
    if (pod == MAX_PODS)
        return -1;
    if (pod >= plane->places)
        plane->places = pod + 1;
    plane->totals.places = (double)plane->places;
    replica_open(&plane->replicas[pod], &plane->engine);
    plane->gauges[pod] = (struct gauge){.phase = READY, .idle_since = plane->now};
    dispatch(plane);
    return pod;
}

void plane_drain(struct plane *plane, int64_t pod)
{
    plane->gauges[pod].phase = DRAINING;
}

void plane_recall(struct plane *plane, int64_t pod)
{
    plane->gauges[pod].phase = READY;
    dispatch(plane);
}

void plane_remove(struct plane *plane, int64_t pod, int64_t retry)
{
    struct replica *replica = &plane->replicas[pod];
    integrate(plane);
    plane->totals.in_flight -= (double)replica_in_flight(replica);
    plane->gauges[pod].phase = ABSENT;
    for (int64_t i = 0; i < replica->running; i++)
        queue_push(&replica->waiting, replica->batch[i].request);
    while (replica->waiting.length) {
        int64_t request = queue_pop(&replica->waiting);
        if (retry && isnan(plane->requests.first[request]))
            queue_push_front(&plane->held, request);
        else
            lose(plane, request, ABORTED);
    }
    replica_close(replica);
    replica_open(replica, &plane->engine);
    while (plane->places && plane->gauges[plane->places - 1].phase == ABSENT)
        plane->places--;
    plane->totals.places = (double)plane->places;
    dispatch(plane);
}

const struct gauge *plane_gauges(struct plane *plane)
{
    for (int64_t pod = 0; pod < plane->places; pod++) {
        const struct replica *replica = &plane->replicas[pod];
        struct gauge *gauge = &plane->gauges[pod];
        gauge->running = (double)replica->running;
        gauge->waiting = (double)replica->waiting.length;
        gauge->kv_usage = (double)replica->kv_used / (double)replica->engine.kv_tokens;
        gauge->steps = (double)replica->counters.steps;
        gauge->made = (double)replica->counters.made;
        gauge->prefilled = (double)replica->counters.prefilled;
        gauge->preemptions = (double)replica->counters.preemptions;
        gauge->completions = (double)replica->counters.completions;
    }
    return plane->gauges;
}

const struct totals *plane_totals(struct plane *plane)
{
    plane->totals.held = (double)plane->held.length;
    return &plane->totals;
}
