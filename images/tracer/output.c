/*
 * strace's lines on their way to the host, many in one piece: see tracer.c.
 */
#include "tracer.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define GATHER_MS 1
#define MAX_CHUNK_BYTES (256u << 10)

/* Forwards up to MAX_CHUNK_BYTES of strace's lines. Returns how many bytes there were, 0 at the end, -1 for none yet. */
ssize_t forward_output(int fd)
{
    static char chunk[MAX_CHUNK_BYTES];
    size_t have = 0;
    while (have < sizeof chunk) {
        ssize_t length = read(fd, chunk + have, sizeof chunk - have);
        if (length < 0 && errno == EINTR)
            continue;
        if (length == 0 && have == 0)
            return 0;
        if (length <= 0)
            break;
        have += (size_t)length;
    }
    write_all(1, chunk, have);
    return have > 0 ? (ssize_t)have : -1;
}

/* Lets more lines come together, unless the last piece was full: then there is no lack of them. */
void gather(ssize_t forwarded)
{
    struct timespec pause = {.tv_nsec = GATHER_MS * 1000000L};
    if (forwarded < (ssize_t)MAX_CHUNK_BYTES)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}
