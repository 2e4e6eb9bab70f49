#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "response.h"

/* How a whole answer of the mock engine ends. */
static const char MARK_OF_COMPLETION[] = "That is all.\"", MARK_OF_STREAM[] = "data: [DONE]";

static void add_header(struct options *options, const char *header)
{
    size_t used = strlen(options->headers), room = sizeof options->headers - used;
    if ((size_t)snprintf(options->headers + used, room, "%s\r\n", header) >= room) {
        fprintf(stderr, "load: the headers are too long\n");
        exit(2);
    }
}

static void complete(struct options *options)
{
    if (!options->mark)
        options->mark = options->tokens ? MARK_OF_STREAM : MARK_OF_COMPLETION;
    if (!options->port || !options->body || options->connections < 1 || strlen(options->mark) > CARRY_BYTES) {
        fprintf(stderr, "load: see the head of load.c for the arguments\n");
        exit(2);
    }
}

struct options parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, 0, 'p'},   {"body", 1, 0, 'b'},        {"path", 1, 0, 'a'},    {"header", 1, 0, 'h'},
        {"rounds", 1, 0, 'n'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"rate", 1, 0, 'r'},
        {"tokens", 1, 0, 't'}, {"mark", 1, 0, 'm'},        {"timeout", 1, 0, 'o'}, {0, 0, 0, 0}};
    struct options options = {.path = "/v1/chat/completions", .connections = 1, .timeout = 60};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = (uint16_t)atoi(optarg); break;
        case 'b': options.body = optarg; break;
        case 'a': options.path = optarg; break;
        case 'h': add_header(&options, optarg); break;
        case 'c': options.connections = atol(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': options.rounds = atol(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 't': options.tokens = atol(optarg); break;
        case 'm': options.mark = optarg; break;
        case 'o': options.timeout = atof(optarg); break;
        default: exit(2);
        }
    }
    complete(&options);
    return options;
}
