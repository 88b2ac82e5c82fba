/*
 * The command line of init: see main.c.
 */
#include "init.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t parse_ms(const char *text)
{
    char *rest;
    errno = 0;
    unsigned long long value = strtoull(text, &rest, 10);
    if (text[0] < '0' || text[0] > '9' || *rest || errno || value == 0 || value > 1ull << 53)
        die("--lifetime-ms takes 1 to 2^53, not %.40s", text);
    return value;
}

static enum trace_mode parse_trace_mode(const char *text)
{
    if (strcmp(text, "named") == 0)
        return TRACE_NAMED;
    if (strcmp(text, "all") != 0)
        die("--trace takes named or all, not %.40s", text);
    return TRACE_ALL;
}

/* Ends init when something is unknown or missing. */
struct options parse_options(int argc, char **argv)
{
    struct options options = {.trace = TRACE_OFF};
    int at = 1;
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "--lifetime-ms") == 0 && at + 1 < argc)
            options.lifetime_ms = parse_ms(argv[++at]);
        else if (strcmp(argv[at], "--trace") == 0 && at + 1 < argc)
            options.trace = parse_trace_mode(argv[++at]);
        else if (strcmp(argv[at], "--pin-cpu") == 0)
            options.pin_cpu = true;
        else
            die("unknown option %.40s", argv[at]);
    }
    if (options.lifetime_ms == 0 || at + 1 >= argc)
        die("usage: init --lifetime-ms N [--trace named|all] [--pin-cpu] -- FILE ARGUMENT...");
    options.shovel = argv + at + 1;
    return options;
}
