/*
 * What strace says on stderr, and what the host gets to hear of it: see tracer.c.
 */
#include "tracer.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE_BYTES 4096

/* "strace: Process 1 attached", also " with 2 threads". Returns the process, 0 for any other line. */
static long attached_process(const char *line)
{
    static const char before[] = "strace: Process ", after[] = " attached", with[] = " with ";
    long process, threads;
    if (strncmp(line, before, strlen(before)) != 0)
        return 0;
    const char *rest = skip_number(line + strlen(before), &process);
    if (!rest || strncmp(rest, after, strlen(after)) != 0)
        return 0;
    rest += strlen(after);
    if (strncmp(rest, with, strlen(with)) == 0) {
        rest = skip_number(rest + strlen(with), &threads);
        if (!rest || strcmp(rest, " threads") != 0)
            return 0;
        rest = "";
    }
    return *rest ? 0 : process;
}

/* One whole line of strace, without its end. */
static void hear(const char *line, size_t length, pid_t tracer)
{
    static const char no_own_filter[] = "strace: --seccomp-bpf is not enabled for processes attached with -p";
    bool has_nul = memchr(line, 0, length) != NULL;
    if (!has_nul && strcmp(line, no_own_filter) == 0)
        return;
    long process = has_nul ? 0 : attached_process(line);
    if (process == TARGET) {
        assert_attached(tracer);
        write_all(2, "attached\n", strlen("attached\n"));
    }
    if (process != 0)
        return;
    write_all(2, line, length);
    write_all(2, "\n", 1);
}

/* Forwards what strace says on stderr, line by line. Returns as read(2) does: 0 at the end, -1 when there is nothing yet. */
ssize_t forward_words(int fd, pid_t tracer)
{
    static char line[MAX_LINE_BYTES + 1];
    static size_t have;
    ssize_t length = read(fd, line + have, MAX_LINE_BYTES - have);
    if (length < 0)
        return -1;
    have += (size_t)length;
    for (char *end = memchr(line, '\n', have); end; end = memchr(line, '\n', have)) {
        size_t bytes = (size_t)(end - line);
        *end = 0;
        hear(line, bytes, tracer);
        have -= bytes + 1;
        memmove(line, end + 1, have);
    }
    if (have == MAX_LINE_BYTES || (length == 0 && have > 0)) {
        write_all(2, line, have);
        have = 0;
    }
    return length;
}
