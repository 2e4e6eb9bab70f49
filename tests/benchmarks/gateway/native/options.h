/* The command line of the load generator; the head of load.c says what each option means. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

struct options {
    uint16_t port;
    const char *path, *body, *mark;
    char headers[2048]; /* each with its line end */
    long connections, rounds, tokens;
    double seconds, rate, timeout;
};

/* Ends the process with code 2 when the arguments make no sense. */
struct options parse_options(int argc, char **argv);

#endif
