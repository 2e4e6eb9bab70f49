/* Reads one HTTP/1.1 answer as it arrives and checks that it is the whole and right one.
 *
 * A proxy that loses, cuts or invents something must not win a benchmark: each answer must have status
 * 200, end where its framing says, contain the mark that only the end of the right text holds, and, for a
 * stream, exactly the expected number of tokens.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

enum { HEAD_BYTES = 8192, CARRY_BYTES = 64 };

/* What a right answer holds. */
struct expectation {
    const char *token; /* the text counted: a token as JSON, with its quotes */
    size_t tokens;
    const char *mark; /* must appear exactly once */
};

enum framing { LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct response {
    char head[HEAD_BYTES + 1]; /* headers while they are incomplete, later the line of a chunk's size */
    size_t head_length;
    bool in_body, complete, closes; /* closes: the server ends the connection after this answer */
    enum framing framing;
    size_t left; /* bytes until the end of the body or of the chunk */
    size_t tokens, marks;
    char carry[CARRY_BYTES]; /* the last bytes of the text, for what straddles two reads */
    size_t carry_length;
};

void reset_response(struct response *response);

/* Takes bytes from the socket. Returns NULL, or why the answer is wrong; sets `complete` at its end. */
const char *feed_response(struct response *response, const char *data, size_t length,
                          const struct expectation *expected);

#endif
