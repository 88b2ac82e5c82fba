/*
 * Starts strace: where it runs, where its words go, and that it never outlives us.
 */
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The most that a process without CAP_SYS_RESOURCE may have, unless the machine's administrator changed it (pipe(7)). */
#define PIPE_BYTES (1 << 20)
/* How long PID 1 may take to pin itself, which it does first of all. */
#define PIN_MS 1000
#define MAX_ARGUMENTS 256

/* Lets the calling process run where `pid` runs, once that keeps to one CPU. Without success strace is slower, no worse. */
static void pin_to(pid_t pid)
{
    struct timespec pause = {.tv_nsec = 1000000};
    cpu_set_t set;
    for (int waited_ms = 0; waited_ms < PIN_MS; waited_ms++) {
        if (sched_getaffinity(pid, sizeof set, &set) != 0)
            return;
        if (CPU_COUNT(&set) == 1)
            break;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    sched_setaffinity(0, sizeof set, &set);
}

/* strace's arguments: those given, behind one that sends its lines to its stdout. NULL when there are too many. */
static char **strace_arguments(char **given)
{
    static char *argv[MAX_ARGUMENTS + 1];
    size_t count = 0;
    const char *slash = strrchr(given[0], '/');
    argv[count++] = slash ? (char *)slash + 1 : given[0]; /* with this it begins its words */
    argv[count++] = "-o";
    argv[count++] = "/proc/self/fd/1";
    for (given++; *given; given++) {
        if (count == MAX_ARGUMENTS)
            return NULL;
        argv[count++] = *given;
    }
    return argv;
}

static _Noreturn void become_strace(char **given, int output_end, int words_end, pid_t pinned_to, pid_t parent)
{
    static char *environment[] = {"PATH=/bin", NULL};
    char **argv = strace_arguments(given);
    sigset_t none;
    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_OUR_FAILURE);
    if (pinned_to > 0)
        pin_to(pinned_to);
    signal(SIGPIPE, SIG_DFL);
    if (!argv)
        die("strace takes at most %d arguments", MAX_ARGUMENTS);
    if (dup2(output_end, 1) == 1 && dup2(words_end, 2) == 2 && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execve(given[0], argv, environment);
    fprintf(stderr, "tracer: cannot start %s: %s\n", given[0], strerror(errno));
    _exit(EXIT_NO_STRACE);
}

/* Starts what `argv` names with both outputs in pipes. It dies with the calling process. */
struct strace start_strace(char **argv, pid_t pinned_to)
{
    struct strace strace;
    int output_pipe[2], words_pipe[2];
    pid_t self = getpid();
    if (pipe2(output_pipe, O_CLOEXEC) != 0 || pipe2(words_pipe, O_CLOEXEC) != 0)
        die("cannot make a pipe: %s", strerror(errno));
    fcntl(output_pipe[1], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one makes strace wait earlier */
    strace.pid = fork();
    if (strace.pid < 0)
        die("cannot fork: %s", strerror(errno));
    if (strace.pid == 0)
        become_strace(argv, output_pipe[1], words_pipe[1], pinned_to, self);
    close(output_pipe[1]);
    close(words_pipe[1]);
    strace.output = output_pipe[0];
    strace.words = words_pipe[0];
    if (fcntl(strace.output, F_SETFL, O_NONBLOCK) != 0 || fcntl(strace.words, F_SETFL, O_NONBLOCK) != 0)
        die("cannot prepare a pipe: %s", strerror(errno));
    return strace;
}
