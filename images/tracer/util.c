/*
 * Small tools: the end after a failure, writing, reading numbers.
 */
#include "tracer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tracer: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(EXIT_OUR_FAILURE); /* strace dies of it */
}

/* Waits as long as it takes. A host that is gone ends everything. */
void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
            continue;
        }
        if (written < 0)
            _exit(EXIT_OUR_FAILURE);
        bytes += written;
        length -= (size_t)written;
    }
}

/* Reads digits. Returns what follows them, NULL when there is none. */
const char *skip_number(const char *text, long *number)
{
    char *rest;
    if (*text < '0' || *text > '9')
        return NULL;
    *number = strtol(text, &rest, 10);
    return rest;
}
