#define _GNU_SOURCE
#include "answers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_START "data: {\"id\":\"chatcmpl-af474f715b807f34\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1795249056,\"model\":\"%s\","

/* The last words of `content` are what the load generator knows a whole answer by (see options.c). */
static const char COMPLETION[] =
    "{\"id\":\"chatcmpl-a209da5ec4bf705d\",\"object\":\"chat.completion\",\"created\":1795249056,"
    "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"A proxy forwards each request to the engine and each answer to the client. That is all.\","
    "\"refusal\":null,\"annotations\":null,\"audio\":null,\"function_call\":null,\"reasoning\":null},"
    "\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":null,\"token_ids\":null,"
    "\"routed_experts\":null}],\"service_tier\":null,\"system_fingerprint\":\"vllm-0.32.0-d6d1229f\","
    "\"usage\":{\"prompt_tokens\":13,\"total_tokens\":32,\"completion_tokens\":19,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"created_cache_tokens\":0,\"multimodal_tokens\":null},"
    "\"completion_tokens_details\":null},\"prompt_logprobs\":null,\"prompt_token_ids\":null,"
    "\"prompt_text\":null,\"kv_transfer_params\":null,\"ec_transfer_params\":null,\"metrics\":null}";

static const char FIRST_CHUNK[] = CHUNK_START
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
    "\"finish_reason\":null}],\"prompt_token_ids\":null,\"prompt_text\":null}\n\n";

static const char TOKEN_CHUNK[] = CHUNK_START
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,"
    "\"finish_reason\":null,\"token_ids\":null}]}\n\n";

static const char FINISH_CHUNK[] = CHUNK_START
    "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\","
    "\"stop_reason\":null,\"token_ids\":null}],\"system_fingerprint\":\"vllm-0.32.0-d6d1229f\"}\n\n";

static const char USAGE_CHUNK[] = CHUNK_START
    "\"choices\":[],\"usage\":{\"prompt_tokens\":13,\"total_tokens\":113,\"completion_tokens\":100,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"created_cache_tokens\":0,"
    "\"multimodal_tokens\":null},\"completion_tokens_details\":null}}\n\n";

static const char DONE[] = "data: [DONE]\n\n";
static const char NO_MORE_CHUNKS[] = "0\r\n\r\n";

static const char MODELS[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\",\"created\":1795249056,"
    "\"owned_by\":\"vllm\",\"root\":\"%s\",\"parent\":null,\"max_model_len\":131072,\"permission\":[]}]}";

static const char METRICS[] =
    "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
    "# TYPE vllm:num_requests_running gauge\n"
    "vllm:num_requests_running{engine=\"0\",model_name=\"%s\"} 0.0\n"
    "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
    "# TYPE vllm:num_requests_waiting gauge\n"
    "vllm:num_requests_waiting{engine=\"0\",model_name=\"%s\"} 0.0\n";

__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
    char *result;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&result, format, arguments) < 0) {
        perror("mock_engine");
        exit(1);
    }
    va_end(arguments);
    return result;
}

static struct text text(char *bytes)
{
    return (struct text){bytes, strlen(bytes)};
}

/* A complete message; frees `body`. */
static struct text message(const char *status, const char *type, char *body)
{
    static const char format[] =
        "HTTP/1.1 %s\r\ndate: Sat, 21 Nov 2026 08:17:36 GMT\r\nserver: uvicorn\r\n"
        "content-length: %zu\r\ncontent-type: %s\r\n\r\n%s";
    struct text result = text(print(format, status, strlen(body), type, body));
    free(body);
    return result;
}

/* One HTTP chunk, behind `before`; frees `data`. */
static struct text chunk(const char *before, char *data, const char *after)
{
    struct text result = text(print("%s%zx\r\n%s\r\n%s", before, strlen(data), data, after));
    free(data);
    return result;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* every format is a constant above */

void render_answers(struct answers *answers, const char *model)
{
    static const char stream_headers[] =
        "HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 08:17:36 GMT\r\nserver: uvicorn\r\n"
        "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    char *finish = print(FINISH_CHUNK, model), *usage = print(USAGE_CHUNK, model);

    answers->completion = message("200 OK", "application/json", print(COMPLETION, model));
    answers->stream_begin = chunk(stream_headers, print(FIRST_CHUNK, model), "");
    answers->stream_token = chunk("", print(TOKEN_CHUNK, model), "");
    answers->stream_end_usage = chunk("", print("%s%s%s", finish, usage, DONE), NO_MORE_CHUNKS);
    answers->stream_end = chunk("", print("%s%s", finish, DONE), NO_MORE_CHUNKS);
    answers->health = message("200 OK", "application/json", print("%s", ""));
    answers->models = message("200 OK", "application/json", print(MODELS, model, model));
    answers->metrics = message("200 OK", "text/plain; version=0.0.4", print(METRICS, model, model));
    answers->not_found = message("404 Not Found", "application/json", print("{\"detail\":\"Not Found\"}"));
    answers->length_required = message("411 Length Required", "application/json", print("{}"));
    free(finish);
    free(usage);
}
