/*
 * Small tools: the clock, words on stderr, closing of descriptors, the container's OOM counter.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds that also count while the machine is suspended, where the kernel has such a clock. */
uint64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0 && clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One line on stderr, or none when nobody reads there: PID 1 must not block. */
static void say_line(const char *format, va_list arguments)
{
    char line[512];
    struct pollfd out = {.fd = 2, .events = POLLOUT};
    int prefix = snprintf(line, sizeof line, "init: ");
    int length = vsnprintf(line + prefix, sizeof line - (size_t)prefix - 1, format, arguments);
    if (length < 0 || poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
        return;
    size_t total = strlen(line);
    line[total++] = '\n';
    if (write(2, line, total) < 0)
        return;
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line(format, arguments);
    va_end(arguments);
}

_Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line(format, arguments);
    va_end(arguments);
    end(EXIT_OUR_FAILURE);
}

static void close_between(unsigned first, unsigned last)
{
    if (first > last)
        return;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, last, 0u) == 0)
        return;
#endif
    /* Kernels before 5.9. Everything here is close-on-exec too, so the bound does not decide what a command gets. */
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 1024 || limit > 65536)
        limit = 65536;
    for (unsigned fd = first; fd <= last && fd < (unsigned)limit; fd++)
        close((int)fd);
}

/*
 * Blocks every signal, or none. The C library's sigprocmask() leaves out the two real-time signals that its threads
 * use, with which a guest could then end a supervisor; so this asks the kernel, whose set is 64 bits wide
 * (signal(7)).
 */
void set_signal_mask(bool blocked)
{
    uint64_t mask = blocked ? ~(uint64_t)0 : 0;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask) != 0)
        die("cannot set the signal mask: %s", strerror(errno));
}

void close_from(int first)
{
    close_between((unsigned)first, ~0u);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Closes every descriptor but those in `keep`, which is sorted on the way. */
void close_except(int *keep, size_t count)
{
    unsigned next = 0;
    qsort(keep, count, sizeof *keep, by_number);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < 0)
            continue;
        if ((unsigned)keep[i] > next)
            close_between(next, (unsigned)keep[i] - 1);
        next = (unsigned)keep[i] + 1;
    }
    close_between(next, ~0u);
}

/*
 * How many processes of this container the OOM killer took so far: `oom_kill` of cgroup v1's memory.oom_control or
 * cgroup v2's memory.events (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst). 0 where neither is
 * there.
 */
uint32_t oom_kills(void)
{
    static const char *const paths[] = {"/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[1024];
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t length = read(fd, text, sizeof text - 1);
        close(fd);
        if (length <= 0)
            continue;
        text[length] = 0;
        for (char *line = text; line; line = strchr(line, '\n')) {
            line += *line == '\n';
            if (strncmp(line, "oom_kill ", 9) == 0)
                return (uint32_t)strtoul(line + 9, NULL, 10);
        }
    }
    return 0;
}

void add_usage(struct ending *ending, const struct rusage *usage)
{
    ending->cpu_us += (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec;
    ending->cpu_us += (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec;
    /* ru_maxrss is in KiB on Linux (getrusage(2)). */
    uint64_t rss = (uint64_t)usage->ru_maxrss * 1024;
    if (rss > ending->max_rss_bytes)
        ending->max_rss_bytes = rss;
}
