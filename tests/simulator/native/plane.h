/* The data plane: one router in front of replicas. See plane.c. */
#ifndef PLANE_H
#define PLANE_H

#include "replica.h"

#define MAX_PODS 256

enum phase { ABSENT = 0, READY = 1, DRAINING = 2 };

/* Which pod gets the next held request: its place, or -1 to hold. Sees the gauges through plane_gauges. */
typedef int64_t (*pick_function)(void);

struct policy {
    int64_t limit;       /* requests that a pod may have before the router holds (late binding) */
    double hold_seconds; /* after which a held request is given up; INFINITY for never */
    int64_t refuse;      /* 1: no ready pod means 503 at once, as without a router that holds */
    pick_function pick;  /* NULL: least load */
};

/* What may be seen of one pod at this moment. Doubles, so that the caller reads one array. */
struct gauge {
    double phase, in_flight, running, waiting, kv_usage;
    double steps, made, prefilled, preemptions, completions, idle_since;
};

struct totals {
    double held, in_flight, arrivals, completions, lost, prompt, output, last_completion, load_integral;
    double places; /* one past the last place that is in use */
};

struct plane *plane_open(const struct requests *requests, const struct engine *engine, const struct policy *policy);
void plane_close(struct plane *plane);
/* A pod that is ready from now on; -1 if there is no place left. */
int64_t plane_add(struct plane *plane);
void plane_drain(struct plane *plane, int64_t pod);
void plane_recall(struct plane *plane, int64_t pod);
/* The pod is gone. What it had is lost; with `retry`, what has no token yet is routed again. */
void plane_remove(struct plane *plane, int64_t pod, int64_t retry);
/* Runs every event up to and including `until` (s). */
void plane_advance(struct plane *plane, double until);
/* Gauges of all MAX_PODS places, up to date after every call and whenever `pick` is called. */
const struct gauge *plane_gauges(struct plane *plane);
const struct totals *plane_totals(struct plane *plane);

#endif
