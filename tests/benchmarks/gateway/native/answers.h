/* What the mock engine answers: vLLM 0.32's own JSON, with all the nulls that it sends.
 *
 * Each text is a complete HTTP/1.1 message or one whole HTTP chunk, rendered once at the start, so that
 * an answer costs one write() and the engine never is what a measurement measures.
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stddef.h>

struct text {
    char *bytes;
    size_t length;
};

struct answers {
    struct text completion;       /* a whole chat completion */
    struct text stream_begin;     /* headers of a stream and its first chunk, which carries the role */
    struct text stream_token;     /* one chunk with the text " token" */
    struct text stream_end;       /* the chunk with finish_reason, then data: [DONE] */
    struct text stream_end_usage; /* the same for a request with stream_options.include_usage */
    struct text health;
    struct text models;
    struct text metrics;
    struct text not_found;
    struct text length_required;
};

/* Fills the table. `model` is the name that the answers carry. Ends the process if memory runs out. */
void render_answers(struct answers *answers, const char *model);

#endif
