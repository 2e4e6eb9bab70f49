/* One vLLM engine: what a step of its scheduler does and how long it takes. See replica.c. */
#ifndef REPLICA_H
#define REPLICA_H

#include <stdint.h>

#define MAX_SLOTS 1024

enum outcome { PENDING = 0, DONE = 1, REFUSED = 2, TIMED_OUT = 3, ABORTED = 4 };

/* The workload and what became of it: one entry per request, in the order of arrival. Arrays of the caller. */
struct requests {
    int64_t count;
    const double *arrival;          /* s */
    const int32_t *prompt, *output; /* tokens; output >= 1, prompt + output <= engine.kv_tokens */
    int32_t *made;                  /* tokens made so far, up to date when the request leaves a batch */
    double *first, *last;           /* s of the first and the last token; NAN until then */
    int8_t *outcome;
};

/* A step takes a + b * decoding + d * prefill tokens + g * tokens in the KV cache, in seconds. */
struct engine {
    double a, b, d, g;
    int64_t slots, budget, kv_tokens; /* max_num_seqs, max_num_batched_tokens, size of the KV cache */
};

struct counters {
    int64_t steps, made, prefilled, preemptions;
    int64_t completions, prompt_completed, output_completed; /* requests; their tokens */
};

/* A member of the running batch: in prefill while prefill_left > 0, then making one token per step. */
struct entry {
    int64_t request;
    int64_t prefill_left, chunk;
    int64_t since, end; /* number of the step that made its first token here, and of its last one */
};

struct queue {
    int64_t *items, head, length, room;
};

struct replica {
    struct engine engine;
    struct counters counters;
    struct entry batch[MAX_SLOTS]; /* in the order of admission */
    int64_t running, decoding, kv_used, next_end;
    struct queue waiting;
    double step_end; /* INFINITY while idle */
};

void queue_push(struct queue *queue, int64_t item);
void queue_push_front(struct queue *queue, int64_t item);
int64_t queue_pop(struct queue *queue);

void replica_open(struct replica *replica, const struct engine *engine);
void replica_close(struct replica *replica);
/* Starts a step at `now` if none is under way and there is work. */
void replica_start(struct replica *replica, struct requests *requests, double now);
/* Ends the step under way at its time, starts no other, and returns how many requests it completed. */
int64_t replica_finish(struct replica *replica, struct requests *requests);
int64_t replica_in_flight(const struct replica *replica);

#endif
