/*
 * init: PID 1 of a sandbox. It starts the shovel, starts and watches commands for it, and reaps.
 *
 *   init --lifetime-ms N [--trace named|all] [--pin-cpu] -- FILE ARGUMENT...
 *
 * Theory of operation
 *
 *   init ── shovel (fds 0, 1, 2: the container's stdio; fd 3: the control socket)
 *     ├──── supervisor ── command ── its descendants
 *     ├──── supervisor ── command ...
 *     └──── broker (while a command starts: holds the shovel's ends of its pipes)
 *
 * Everything runs under one uid, and everything but init is hostile or near hostile code. What keeps the parts apart:
 *  - PID 1 of a PID namespace takes no signal from inside that it did not ask for (pid_namespaces(7)), SIGKILL and
 *    SIGSTOP included. What must hold whatever the guest does hangs on PID 1: the lifetime, the end of every process
 *    when it exits, the report that a command is over.
 *  - init's file is not readable by that uid and init is not dumpable, so no process of the uid can open its memory
 *    or its descriptors (ptrace(2), "ptrace access mode checking"). Supervisors are forks of init and inherit that.
 *  - init keeps no descriptor of the container's stdin and stdout, and gives commands none but those asked for.
 *
 * With --trace nothing of this is started before a tracer has attached to init: it first waits for one byte of stdin,
 * which the shovel then does not get. --pin-cpu keeps all of it on one CPU. trace.c tells why and how.
 *
 * Files: main.c the event loop, control.c the socket to the shovel, commands.c the lives of commands, command-table.c
 * where they are kept, command-reports.c what is told of them, orphans.c what lost supervisors leave, supervisor.c one
 * command's process tree, cpu-budget.c its CPU time, launch.c from fork to exec, proctree.c /proc, pipes.c the pipes
 * and their broker, trace.c what trace mode needs, options.c the command line, wire.c the messages, util.c the rest.
 *
 * Exit code: the shovel's (128 + n when a signal ended it), 124 at the end of the lifetime, 125 when init itself
 * cannot go on (without a tracer where one is needed, too), 127 when the shovel cannot be started, 143 on a SIGTERM or
 * SIGINT from outside the PID namespace, 0 when stdin ends at the gate.
 *
 * init also runs outside a PID namespace, for tests: as a child subreaper it then kills what it started at its end.
 * That is no protection.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL_FD 3
/* Also bounds how late a lifetime ends after the machine was suspended: poll(2) does not count that time. */
#define MAX_POLL_MS 10000

pid_t init_pid;
pid_t shovel_pid;
int null_fd = -1;

static int signals_fd = -1;
static uint64_t lifetime_end_ms;

/* Ends init and everything below it. */
_Noreturn void end(int code)
{
    trace_end();
    if (getpid() != 1 && proctree_fd() >= 0) {
        struct hunt hunt = {0};
        struct tree tree;
        while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0 && !hunt.hopeless) {
            proctree_kill(getpid(), NULL, &hunt, &tree);
            poll(NULL, 0, 1);
        }
    }
    _exit(code);
}

static _Noreturn void run_shovel(char **argv, int fd)
{
    static char *environment[] = {"PATH=/.sandbox/bin", "HOME=/", "UV_USE_IO_URING=0", NULL};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == init_pid && dup2(fd, CONTROL_FD) == CONTROL_FD) {
        if (fd == CONTROL_FD)
            fcntl(fd, F_SETFD, 0);
        close_from(CONTROL_FD + 1);
        set_signal_mask(false);
        execve(argv[0], argv, environment);
    }
    say("cannot start %s: %s", argv[0], strerror(errno));
    _exit(127);
}

static void start_shovel(char **argv)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        die("cannot create the control socket: %s", strerror(errno));
    shovel_pid = fork();
    if (shovel_pid < 0)
        die("cannot fork the shovel: %s", strerror(errno));
    if (shovel_pid == 0)
        run_shovel(argv, pair[1]);
    close(pair[1]);
    control_open(pair[0]);
    if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0)
        die("cannot let go of stdin and stdout: %s", strerror(errno));
}

static void read_signals(void)
{
    struct signalfd_siginfo info;
    while (read(signals_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        /* Sent by kill(2), which no sender can disguise, from a process that has no pid in this namespace. */
        bool from_outside = info.ssi_code == SI_USER && info.ssi_pid == 0;
        if (from_outside || init_pid != 1)
            end(143);
    }
}

/* Takes one child that ended, or any with -1. Returns false when none has. */
static bool reap_one(pid_t which)
{
    int status;
    struct rusage usage;
    pid_t pid = wait4(which, &status, WNOHANG | WUNTRACED | __WALL, &usage);
    if (pid <= 0)
        return false;
    if (WIFSTOPPED(status))
        commands_stopped(pid);
    else if (pid == shovel_pid)
        end(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    else
        commands_reaped(pid, status, &usage);
    return true;
}

static int until(uint64_t moment_ms, uint64_t now, int timeout)
{
    uint64_t left = moment_ms > now ? moment_ms - now : 0;
    return left < (uint64_t)timeout ? (int)left : timeout;
}

/* Waits until the host says that the tracer is attached. A host that is gone says nothing any more. */
static void wait_at_gate(void)
{
    char byte;
    ssize_t length = -1;
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = signals_fd, .events = POLLIN}};
    while (length != 1) {
        uint64_t now = now_ms();
        if (now >= lifetime_end_ms)
            end(EXIT_LIFETIME);
        if (poll(fds, 2, until(lifetime_end_ms, now, MAX_POLL_MS)) < 0 && errno != EINTR)
            die("cannot wait at the gate: %s", strerror(errno));
        read_signals();
        if (!fds[0].revents)
            continue;
        length = read(0, &byte, 1);
        if (length == 0)
            end(0);
        if (length < 0 && errno != EINTR && errno != EAGAIN)
            die("cannot read at the gate: %s", strerror(errno));
    }
}

static _Noreturn void run(void)
{
    static struct pollfd fds[2 + MAX_COMMANDS];
    for (;;) {
        int due = commands_tick();
        int timeout = due >= 0 && due < MAX_POLL_MS ? due : MAX_POLL_MS;
        uint64_t now = now_ms();
        if (now >= lifetime_end_ms)
            end(EXIT_LIFETIME);
        if (now >= control_deadline_ms())
            die("the shovel closed its control socket");
        timeout = until(lifetime_end_ms, now, timeout);
        timeout = until(control_deadline_ms(), now, timeout);
        fds[0] = (struct pollfd){.fd = signals_fd, .events = POLLIN};
        fds[1] = control_poll_fd();
        size_t count = commands_poll_fds(fds + 2);
        if (poll(fds, 2 + count, timeout) < 0 && errno != EINTR)
            die("cannot wait: %s", strerror(errno));
        commands_read_reports(fds + 2, count);
        read_signals();
        commands_reap(reap_one);
        control_handle(fds[1].revents);
    }
}

/* Blocks every signal, makes init unreadable for its uid and holds nothing but stdio. */
static void harden(void)
{
    sigset_t wanted;
    init_pid = getpid();
    set_signal_mask(true);
    if (chdir("/") != 0)
        die("cannot change to /: %s", strerror(errno));
#ifndef INIT_TEST_DUMPABLE /* only for the test that shows what the next line is good for */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        die("cannot become non-dumpable: %s", strerror(errno));
#endif
    close_from(3);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 3)
        die("stdin, stdout and stderr must be open, and /dev/null there");
    if (init_pid != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        die("cannot become a subreaper: %s", strerror(errno));
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    signals_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_fd < 0)
        die("cannot wait for signals: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    harden();
    struct options options = parse_options(argc, argv);
    lifetime_end_ms = now_ms() + options.lifetime_ms;
    proctree_open();
    if (options.pin_cpu)
        trace_pin_cpu();
    if (options.trace != TRACE_OFF) {
        wait_at_gate();
        trace_begin(options.trace);
    }
    start_shovel(options.shovel);
    run();
}
