/*
 * The pipes that carry a command's standard streams, and the broker that hands the shovel its ends.
 *
 * Theory of operation: a command gets anonymous pipes. With sockets `echo x >/dev/stderr` would fail, and with named
 * pipes `cat /dev/stdin` would wait for a writer after the input has ended. Node cannot be passed a descriptor; what it
 * can do is open /proc/<pid>/fd/<n>, which makes a new description of the same pipe. init, the supervisors and the
 * shovel must not be open in that way, so init forks a *broker* for each command: a process that holds the shovel's
 * ends and nothing else, makes itself dumpable, and stops. Its stop tells init that it is ready; STARTED names it; with
 * OPENED it is killed, and from then on an end of file means what it says. Until then it keeps what a quick command
 * wrote.
 *
 * A guest can open, write to, stop or kill the broker. It gains what it has anyway, the streams of a command of its own
 * uid (/proc/<command>/fd), or makes that one start fail.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Where descriptors are parked while the broker's own are filled. */
#define PARKING (BROKER_FD_BASE + MAX_CHILD_FDS)

/* Makes the pipes. Returns 0, or an errno with nothing left open. */
int pipes_create(const struct spawn *spawn, int *command_ends, int *shovel_ends)
{
    for (size_t i = 0; i < spawn->fd_count; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            int error = errno;
            pipes_close(command_ends, i);
            pipes_close(shovel_ends, i);
            return error;
        }
        command_ends[i] = ends[spawn->fds[i].writes ? 1 : 0];
        shovel_ends[i] = ends[spawn->fds[i].writes ? 0 : 1];
    }
    return 0;
}

void pipes_close(const int *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(ends[i]);
}

/* The life of a broker: a fork of init, with every signal blocked that can be. */
static _Noreturn void broker(const struct spawn *spawn, const int *shovel_ends)
{
    int parked[MAX_CHILD_FDS], held[MAX_CHILD_FDS];
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != init_pid)
        _exit(1);
    for (size_t i = 0; i < spawn->fd_count; i++) {
        parked[i] = fcntl(shovel_ends[i], F_DUPFD_CLOEXEC, PARKING);
        if (parked[i] < 0)
            _exit(1);
    }
    for (size_t i = 0; i < spawn->fd_count; i++) {
        held[i] = dup2(parked[i], BROKER_FD_BASE + spawn->fds[i].fd);
        if (held[i] < 0)
            _exit(1);
    }
    close_except(held, spawn->fd_count);
    if (prctl(PR_SET_DUMPABLE, 1) != 0)
        _exit(1);
    for (;;)
        raise(SIGSTOP);
}

/* Forks the broker. Returns its pid, or -1 with errno. */
pid_t pipes_offer(const struct spawn *spawn, const int *shovel_ends)
{
    pid_t pid = fork();
    if (pid == 0)
        broker(spawn, shovel_ends);
    return pid;
}
