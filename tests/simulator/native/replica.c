/* vLLM's scheduler, as far as time depends on it: continuous batching, chunked prefill within a budget of
 * tokens per step, admission while slots and KV cache last, preemption by recomputation of who came last.
 *
 * It is C because a comparison runs some hundred million steps, and exact because every step is made: nothing
 * is averaged. The cost of a step is linear in what it does, which `make sim-calibrate` checks against vLLM. */
#include "replica.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void queue_reserve(struct queue *queue)
{
    if (queue->length < queue->room)
        return;
    int64_t room = queue->room ? 2 * queue->room : 64, *items = malloc((size_t)room * sizeof *items);
    if (!items)
        abort();
    for (int64_t i = 0; i < queue->length; i++)
        items[i] = queue->items[(queue->head + i) % queue->room];
    free(queue->items);
    *queue = (struct queue){.items = items, .length = queue->length, .room = room};
}

void queue_push(struct queue *queue, int64_t item)
{
    queue_reserve(queue);
    queue->items[(queue->head + queue->length++) % queue->room] = item;
}

void queue_push_front(struct queue *queue, int64_t item)
{
    queue_reserve(queue);
    queue->head = (queue->head + queue->room - 1) % queue->room;
    queue->items[queue->head] = item;
    queue->length++;
}

int64_t queue_pop(struct queue *queue)
{
    int64_t item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->room;
    queue->length--;
    return item;
}

void replica_open(struct replica *replica, const struct engine *engine)
{
    *replica = (struct replica){.engine = *engine, .step_end = INFINITY, .next_end = INT64_MAX};
}

void replica_close(struct replica *replica)
{
    free(replica->waiting.items);
    replica->waiting = (struct queue){0};
}

int64_t replica_in_flight(const struct replica *replica)
{
    return replica->running + replica->waiting.length;
}

/* Takes the latest out of the batch; its prompt and what it made must be computed again. */
static void preempt(struct replica *replica, struct requests *requests)
{
    struct entry *entry = &replica->batch[--replica->running];
    int64_t request = entry->request;
    if (!entry->prefill_left) {
        replica->decoding--;
        requests->made[request] += (int32_t)(replica->counters.steps - entry->since);
    }
    replica->kv_used -= requests->prompt[request] + requests->made[request];
    replica->counters.preemptions++;
    queue_push_front(&replica->waiting, request);
}

static int64_t plan_chunk(struct entry *entry, int64_t budget)
{
    entry->chunk = entry->prefill_left < budget ? entry->prefill_left : budget;
    return entry->chunk;
}

/* Plans the prefill of this step and returns its tokens: who runs comes before who waits. */
static int64_t plan_prefill(struct replica *replica, struct requests *requests, int admit)
{
    int64_t budget = replica->engine.budget - replica->decoding, planned = 0;
    for (int64_t i = 0; replica->running > replica->decoding && i < replica->running; i++)
        planned += plan_chunk(&replica->batch[i], budget - planned);
    while (admit && planned < budget && replica->waiting.length && replica->running < replica->engine.slots) {
        int64_t request = replica->waiting.items[replica->waiting.head];
        int64_t tokens = requests->prompt[request] + requests->made[request];
        if (replica->kv_used + tokens + replica->decoding > replica->engine.kv_tokens)
            break;
        struct entry *entry = &replica->batch[replica->running++];
        *entry = (struct entry){.request = queue_pop(&replica->waiting), .prefill_left = tokens};
        replica->kv_used += tokens;
        planned += plan_chunk(entry, budget - planned);
    }
    return planned;
}

void replica_start(struct replica *replica, struct requests *requests, double now)
{
    if (!isinf(replica->step_end) || !replica_in_flight(replica))
        return;
    int64_t preemptions = replica->counters.preemptions;
    while (replica->running > 1 && replica->kv_used + replica->decoding > replica->engine.kv_tokens)
        preempt(replica, requests);
    const struct engine *engine = &replica->engine;
    int64_t prefill = plan_prefill(replica, requests, preemptions == replica->counters.preemptions);
    replica->step_end = now + engine->a + engine->b * (double)replica->decoding
        + engine->d * (double)prefill + engine->g * (double)replica->kv_used;
}

/* The prefills of the step; one that is complete has made a token. */
static void end_prefills(struct replica *replica, struct requests *requests)
{
    for (int64_t i = 0; i < replica->running; i++) {
        struct entry *entry = &replica->batch[i];
        if (!entry->prefill_left)
            continue;
        replica->counters.prefilled += entry->chunk;
        entry->prefill_left -= entry->chunk;
        if (entry->prefill_left)
            continue;
        int64_t request = entry->request;
        if (isnan(requests->first[request]))
            requests->first[request] = replica->step_end;
        requests->made[request]++;
        replica->counters.made++;
        replica->kv_used++;
        replica->decoding++;
        entry->since = replica->counters.steps;
        entry->end = entry->since + requests->output[request] - requests->made[request];
        if (entry->end < replica->next_end)
            replica->next_end = entry->end;
    }
}

/* Takes out who has made the last token. */
static int64_t end_requests(struct replica *replica, struct requests *requests)
{
    int64_t kept = 0;
    replica->next_end = INT64_MAX;
    for (int64_t i = 0; i < replica->running; i++) {
        struct entry *entry = &replica->batch[i];
        int64_t request = entry->request;
        if (entry->prefill_left || entry->end > replica->counters.steps) {
            if (!entry->prefill_left && entry->end < replica->next_end)
                replica->next_end = entry->end;
            replica->batch[kept++] = *entry;
            continue;
        }
        requests->made[request] = requests->output[request];
        requests->last[request] = replica->step_end;
        requests->outcome[request] = DONE;
        replica->counters.prompt_completed += requests->prompt[request];
        replica->counters.output_completed += requests->output[request];
        replica->kv_used -= requests->prompt[request] + requests->output[request];
        replica->decoding--;
    }
    int64_t ended = replica->running - kept;
    replica->running = kept;
    replica->counters.completions += ended;
    return ended;
}

int64_t replica_finish(struct replica *replica, struct requests *requests)
{
    replica->counters.steps++;
    replica->counters.made += replica->decoding;
    replica->kv_used += replica->decoding;
    if (replica->running > replica->decoding)
        end_prefills(replica, requests);
    int64_t ended = replica->next_end <= replica->counters.steps ? end_requests(replica, requests) : 0;
    replica->step_end = INFINITY;
    return ended;
}
