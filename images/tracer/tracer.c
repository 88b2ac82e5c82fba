/*
 * tracer: runs strace beside a sandbox, in the sandbox's PID namespace.
 *
 *   tracer [--pin-to PID] -- STRACE ARGUMENT...
 *
 * Theory of operation
 *
 *   host ◀── stdout ── tracer ◀── pipe ── strace's stdout (-o /proc/self/fd/1, which tracer adds)
 *        ◀── stderr ──        ◀── pipe ── strace's stderr
 *
 * strace writes each line by itself, and the engine makes a message of each write: a line costs the engine and the host more
 * than it costs strace. So lines are gathered: after the first bytes tracer waits a millisecond, then forwards what is there
 * in one piece. Nothing is dropped: while the host does not read, tracer waits in write(2), the pipe fills, and strace and
 * with it the sandbox wait.
 *
 * The host takes any word on stderr for a failure, since strace says nothing elsewhere when it loses something. So what is
 * no failure is kept back: that a process was attached, and that --seccomp-bpf does not install a filter (init has one).
 * When strace says that it attached to PID 1, tracer looks for itself at all threads of PID 1 and says `attached`.
 *
 * --pin-to lets strace run where PID runs, on the one CPU that PID keeps to: a wake-up across CPUs costs more than a
 * traced call.
 *
 * strace and tracer end together: by PR_SET_PDEATHSIG in one direction, by SIGCHLD in the other. When the sandbox ends,
 * the kernel kills both with all other processes of its PID namespace.
 *
 * Files: tracer.c the event loop, start.c how strace is started, words.c its stderr, output.c its lines, attachment.c the
 * look at PID 1, util.c the rest.
 *
 * Exit code: strace's (128 + n when a signal ended it), 125 when tracer cannot go on, 127 when strace cannot be started,
 * 143 on SIGTERM, 130 on SIGINT.
 */
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static struct strace strace;
static int signals_fd = -1;

/* strace has ended, so what it wrote is all there: forwards it and ends in the same way. */
static _Noreturn void end_with(int status)
{
    while (forward_output(strace.output) > 0)
        ;
    while (forward_words(strace.words, strace.pid) > 0)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void heed_signals(void)
{
    struct signalfd_siginfo info;
    int status;
    while (read(signals_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        kill(strace.pid, SIGKILL);
        while (waitpid(strace.pid, &status, 0) < 0 && errno == EINTR)
            ;
        _exit(128 + (int)info.ssi_signo);
    }
    if (waitpid(strace.pid, &status, WNOHANG) == strace.pid)
        end_with(status);
}

static _Noreturn void run(void)
{
    struct pollfd fds[] = {{.fd = signals_fd, .events = POLLIN},
                           {.fd = strace.words, .events = POLLIN},
                           {.fd = strace.output, .events = POLLIN}};
    ssize_t last = 0;
    for (;;) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            die("cannot wait: %s", strerror(errno));
        if (fds[1].revents && forward_words(strace.words, strace.pid) == 0)
            fds[1].fd = -1;
        if (fds[2].revents) {
            gather(last);
            last = forward_output(strace.output);
            if (last == 0)
                fds[2].fd = -1;
        }
        if (fds[0].revents)
            heed_signals();
    }
}

/* Before strace is started, so that none of its signals comes too early. */
static void prepare(void)
{
    sigset_t wanted;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 3 || dup2(null, 0) != 0)
        die("stdin, stdout and stderr must be open, and /dev/null there");
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    signals_fd = sigprocmask(SIG_BLOCK, &wanted, NULL) == 0 ? signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    if (signals_fd < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        die("cannot wait for signals: %s", strerror(errno));
}

static pid_t parse_pid(const char *text)
{
    long pid = 0;
    const char *rest = skip_number(text, &pid);
    if (!rest || *rest || pid < 1 || pid > 1 << 22)
        die("--pin-to takes a process id, not %.40s", text);
    return (pid_t)pid;
}

int main(int argc, char **argv)
{
    pid_t pinned_to = 0;
    int at = 1;
    if (at + 1 < argc && strcmp(argv[at], "--pin-to") == 0) {
        pinned_to = parse_pid(argv[at + 1]);
        at += 2;
    }
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0)
        die("usage: tracer [--pin-to PID] -- STRACE ARGUMENT...");
    prepare();
    strace = start_strace(argv + at + 1, pinned_to);
    run();
}
