#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>

void reset_response(struct response *r)
{
    r->head_length = r->left = r->tokens = r->marks = r->carry_length = 0;
    r->in_body = r->complete = r->closes = false;
}

static size_t count(const char *text, size_t length, const char *pattern, size_t pattern_length)
{
    size_t found = 0;
    const char *end = text + length;
    while ((text = memmem(text, (size_t)(end - text), pattern, pattern_length))) {
        found++;
        text += pattern_length;
    }
    return found;
}

/* Counts the pattern where it begins before `data` and ends in it, then inside of `data`. */
static size_t count_new(const struct response *r, const char *data, size_t length, const char *pattern)
{
    size_t size = strlen(pattern), before = size - 1 < r->carry_length ? size - 1 : r->carry_length;
    size_t after = size - 1 < length ? size - 1 : length;
    char seam[2 * CARRY_BYTES];
    memcpy(seam, r->carry + r->carry_length - before, before);
    memcpy(seam + before, data, after);
    return count(seam, before + after, pattern, size) + count(data, length, pattern, size);
}

static void keep_carry(struct response *r, const char *data, size_t length)
{
    if (length >= CARRY_BYTES) {
        memcpy(r->carry, data + length - CARRY_BYTES, CARRY_BYTES);
        r->carry_length = CARRY_BYTES;
        return;
    }
    size_t kept = r->carry_length + length > CARRY_BYTES ? CARRY_BYTES - length : r->carry_length;
    memmove(r->carry, r->carry + r->carry_length - kept, kept);
    memcpy(r->carry + kept, data, length);
    r->carry_length = kept + length;
}

static void feed_text(struct response *r, const char *data, size_t length, const struct expectation *expected)
{
    if (length == 0)
        return;
    if (expected->tokens)
        r->tokens += count_new(r, data, length, expected->token);
    r->marks += count_new(r, data, length, expected->mark);
    keep_carry(r, data, length);
}

static const char *finish(struct response *r, const struct expectation *expected)
{
    r->complete = true;
    if (r->marks != 1)
        return "the end of the text is missing or doubled";
    return r->tokens == expected->tokens ? NULL : "the stream has lost or doubled tokens";
}

/* Collects up to the `end` of headers or of a line. Returns how many bytes it took, 0 when too long. */
static size_t collect(struct response *r, const char *data, size_t length, const char *end, bool *whole)
{
    size_t room = HEAD_BYTES - r->head_length, took = length < room ? length : room;
    size_t old = r->head_length, end_length = strlen(end), from = old < end_length ? 0 : old - end_length + 1;
    memcpy(r->head + old, data, took);
    char *found = memmem(r->head + from, old + took - from, end, end_length);
    *whole = found != NULL;
    r->head_length = found ? (size_t)(found - r->head) + end_length : old + took;
    r->head[r->head_length] = '\0';
    return r->head_length - old;
}

static const char *read_headers(struct response *r)
{
    const char *length = strcasestr(r->head, "\r\ncontent-length:");
    if (strncmp(r->head, "HTTP/1.1 200 ", 13))
        return "the status is not 200";
    r->closes = strcasestr(r->head, "\r\nconnection: close") != NULL;
    if (strcasestr(r->head, "\r\ntransfer-encoding: chunked"))
        r->framing = CHUNK_SIZE;
    else if (length)
        r->framing = LENGTH;
    else
        return "the answer has no length";
    r->left = length ? strtoul(length + 17, NULL, 10) : 0;
    r->head_length = 0;
    r->in_body = true;
    return r->framing == LENGTH && r->left == 0 ? "the answer is empty" : NULL;
}

/* After a complete line of a chunked body: what comes next. */
static const char *read_line(struct response *r, const struct expectation *expected)
{
    bool blank = r->head_length == 2;
    if (r->framing == CHUNK_SIZE) {
        r->left = strtoul(r->head, NULL, 16);
        r->framing = r->left ? CHUNK_DATA : TRAILER;
    } else if (r->framing == CHUNK_END) {
        r->framing = CHUNK_SIZE;
    } else if (blank) {
        return finish(r, expected);
    }
    r->head_length = 0;
    return NULL;
}

const char *feed_response(struct response *r, const char *data, size_t length,
                          const struct expectation *expected)
{
    const char *wrong = NULL;
    while (length && !wrong) {
        size_t took;
        bool whole;
        if (r->complete)
            return "bytes after the end of the answer";
        if (r->in_body && (r->framing == LENGTH || r->framing == CHUNK_DATA)) {
            took = length < r->left ? length : r->left;
            feed_text(r, data, took, expected);
            r->left -= took;
            if (r->left == 0 && r->framing == LENGTH)
                wrong = finish(r, expected);
            else if (r->left == 0)
                r->framing = CHUNK_END;
        } else {
            took = collect(r, data, length, r->in_body ? "\r\n" : "\r\n\r\n", &whole);
            if (took == 0)
                return "headers or a chunk's size are too long";
            if (whole)
                wrong = r->in_body ? read_line(r, expected) : read_headers(r);
        }
        data += took;
        length -= took;
    }
    return wrong;
}
