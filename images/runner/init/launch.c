/*
 * From fork to exec: what turns a copy of the supervisor into the command.
 *
 * Theory of operation: the copy starts non-dumpable and with the supervisor's descriptors. It first takes its own
 * descriptors to their places and closes all others, and only then becomes dumpable, which it needs to raise its OOM
 * score: from there on other processes of the same uid may look into it, and find nothing but what the command gets.
 * The one descriptor more is the status pipe, close-on-exec: an end of file tells the supervisor that exec succeeded,
 * a record tells what failed.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where descriptors are parked while 0 to MAX_CHILD_FD are filled. */
#define PARKING 32
#define STATUS_FD (MAX_CHILD_FD + 1)
/* Commands go before the shovel and the supervisors when memory ends (proc_pid_oom_score_adj(5): -1000 to 1000). */
#define OOM_SCORE_ADJ 500

static int status = -1;

static _Noreturn void fail(enum stage stage)
{
    struct launch_error record = {.error = errno, .stage = stage};
    if (write(status, &record, sizeof record) < 0)
        _exit(126);
    _exit(127);
}

static int park(int fd)
{
    int parked = fcntl(fd, F_DUPFD_CLOEXEC, PARKING);
    if (parked < 0)
        fail(STAGE_SETUP);
    return parked;
}

static void place_descriptors(const struct spawn *spawn, const int *ends)
{
    int source[MAX_CHILD_FDS];
    int null = park(null_fd);
    for (size_t i = 0; i < MAX_CHILD_FDS; i++)
        source[i] = i <= 2 ? null : -1;
    for (size_t i = 0; i < spawn->fd_count; i++)
        source[spawn->fds[i].fd] = park(ends[i]);
    status = park(status);
    for (int fd = 0; fd <= MAX_CHILD_FD; fd++) {
        if (source[fd] < 0)
            close(fd);
        else if (dup2(source[fd], fd) < 0)
            fail(STAGE_SETUP);
    }
    if (dup3(status, STATUS_FD, O_CLOEXEC) < 0)
        fail(STAGE_SETUP);
    status = STATUS_FD;
    close_from(STATUS_FD + 1);
}

/* Raises the OOM score, never lowers it. Not every runtime has the file, and no command depends on it. */
static void raise_oom_score(void)
{
    char text[16] = {0};
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, sizeof text - 1);
    if (length > 0 && atoi(text) < OOM_SCORE_ADJ) {
        length = snprintf(text, sizeof text, "%d", OOM_SCORE_ADJ);
        if (pwrite(fd, text, (size_t)length, 0) < 0)
            length = 0;
    }
    close(fd);
}

static void set_limits(uint64_t cpu_ms)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        fail(STAGE_SETUP);
    if (cpu_ms == 0)
        return;
    /* A second behind the supervisor's own watch, for one process of a tree whose supervisor was kept from watching. */
    struct rlimit cpu, now;
    cpu.rlim_cur = cpu.rlim_max = (rlim_t)(cpu_ms / 1000 + 2);
    if (getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < cpu.rlim_max)
        cpu.rlim_cur = cpu.rlim_max = now.rlim_max;
    if (setrlimit(RLIMIT_CPU, &cpu) != 0)
        fail(STAGE_SETUP);
}

static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    set_signal_mask(false);
}

/* Becomes the command. `ends` are the command's ends of the pipes in the order of `spawn->fds`. */
_Noreturn void launch(const struct spawn *spawn, const int *ends, int status_fd, int channel, pid_t supervisor)
{
    struct report forked = report_forked(getpid());
    status = status_fd;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        fail(STAGE_SETUP);
    if (getppid() != supervisor)
        _exit(126);
    /* init is told before the command's first instruction, which may be to kill the supervisor. */
    if (send(channel, forked.bytes, forked.length, MSG_NOSIGNAL) < 0)
        fail(STAGE_SETUP);
    place_descriptors(spawn, ends);
    if (setsid() < 0)
        fail(STAGE_SETUP);
    prctl(PR_SET_DUMPABLE, 1);
    raise_oom_score();
    set_limits(spawn->cpu_ms);
    umask(022);
    if (chdir(spawn->cwd) != 0)
        fail(STAGE_CHDIR);
    reset_signals();
    environ = spawn->envp; /* execvp searches the PATH of this */
    execvp(spawn->file, spawn->argv);
    fail(STAGE_EXEC);
}
