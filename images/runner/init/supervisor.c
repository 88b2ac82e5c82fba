/*
 * The supervisor of one command.
 *
 * Theory of operation: init forks a supervisor per command and the supervisor forks the command. It is a child
 * subreaper, so that every descendant of the command that loses its parent becomes its child: it can reap, count and
 * kill all of them, and needs to know nothing of sessions or groups. Three things end a command: its main process
 * ends, its tree has used its CPU time, or init asks. In each case everything below is killed and reaped until
 * wait(2) has no child left; the sums of wait(2) are then the usage of the whole tree.
 *
 * It runs under the guest's uid and next to the guest. It is not dumpable, blocks every signal but the two that
 * nobody can block, takes orders from its socket to init alone (si_pid of a queued signal is the sender's own claim,
 * see rt_sigqueueinfo(2)), and holds no descriptor of the shovel. A guest that kills or stops it gains nothing: init
 * takes over (commands.c). When it cannot do its work it ends without a report, which is the same case.
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

#define MAX_HUNT_PAUSE_MS 20

static int channel = -1;
static int children_fd = -1;
static pid_t main_pid;
static bool main_ended;
static bool counting; /* whether end_tree() has begun to kill */
static struct ending ending;

static _Noreturn void give_up(void)
{
    _exit(1);
}

static void tell(struct report report)
{
    ssize_t sent;
    do
        sent = send(channel, report.bytes, report.length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        give_up();
}

static _Noreturn void tell_failure(int error, enum stage stage)
{
    tell(report_failed(ending.id, error, stage));
    _exit(0);
}

/* Reaps whoever ended. Returns false when there is no child at all. */
static bool reap(void)
{
    for (;;) {
        int status;
        pid_t pid = wait4(-1, &status, WNOHANG | __WALL, NULL);
        if (pid == 0)
            return true;
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return false;
        if (pid == main_pid && !main_ended) {
            main_ended = true;
            ending.wait_status = (uint32_t)status;
        } else if (counting && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
            ending.leftovers++;
        }
    }
}

static void wait_for_children(int timeout_ms, struct pollfd *fds, nfds_t count)
{
    struct signalfd_siginfo info[8];
    if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
        give_up();
    while (read(children_fd, info, sizeof info) > 0)
        ;
}

/* An order of init: a signal number and a scope. Returns true when the tree is to end. */
static bool obey(void)
{
    uint8_t order[2];
    ssize_t length = recv(channel, order, sizeof order, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (length != sizeof order)
        give_up(); /* init is gone */
    if (order[1] == SCOPE_TREE)
        return true;
    kill(order[1] == SCOPE_GROUP ? -main_pid : main_pid, order[0]);
    return false;
}

/* Waits until the command is to end. */
static enum reason watch(uint64_t cpu_ms)
{
    uint64_t next_check = now_ms();
    struct pollfd fds[] = {{.fd = channel, .events = POLLIN}, {.fd = children_fd, .events = POLLIN}};
    for (;;) {
        int timeout = -1;
        reap();
        if (main_ended)
            return REASON_NONE;
        if (cpu_ms > 0) {
            uint64_t now = now_ms();
            if (now >= next_check) {
                int pause = cpu_budget_pause_ms(cpu_ms * 1000);
                if (pause < 0)
                    give_up();
                if (pause == 0)
                    return REASON_CPU_TIME;
                next_check = now + (uint64_t)pause;
            }
            timeout = (int)(next_check - now);
        }
        wait_for_children(timeout, fds, 2);
        if (fds[0].revents && obey()) {
            tell(report_ending());
            return REASON_TREE_KILLED;
        }
    }
}

/* Kills and reaps until nobody is left. */
static void end_tree(void)
{
    struct hunt hunt = {0};
    struct tree tree = {0};
    int killing_pause = 1, reaping_pause = 0;
    /* Nobody is reaped while somebody lives: see proctree.c on zombies. */
    while (tree.living > 0 || reap()) {
        struct pollfd children = {.fd = children_fd, .events = POLLIN};
        counting = true;
        proctree_kill(getpid(), NULL, &hunt, &tree);
        if (hunt.hopeless)
            give_up();
        int *pause = tree.living > 0 ? &killing_pause : &reaping_pause;
        wait_for_children(*pause, &children, 1);
        *pause = *pause < MAX_HUNT_PAUSE_MS ? *pause * 2 + 1 : MAX_HUNT_PAUSE_MS;
    }
}

/* Forks the command and waits for its exec. Returns when it runs. */
static void start(const struct spawn *spawn, const int *ends)
{
    int status[2];
    struct launch_error failure;
    ssize_t length;
    pid_t self = getpid();
    if (pipe2(status, O_CLOEXEC) != 0)
        tell_failure(errno, STAGE_SETUP);
    trace_mark_command(spawn->id);
    main_pid = fork();
    if (main_pid < 0)
        tell_failure(errno, STAGE_SETUP);
    if (main_pid == 0)
        launch(spawn, ends, status[1], channel, self);
    close(status[1]);
    for (size_t i = 0; i < spawn->fd_count; i++)
        close(ends[i]);
    do
        length = read(status[0], &failure, sizeof failure);
    while (length < 0 && errno == EINTR);
    close(status[0]);
    if (length == sizeof failure) {
        kill(main_pid, SIGKILL);
        while (waitpid(main_pid, NULL, __WALL) < 0 && errno == EINTR)
            ;
        tell_failure(failure.error, (enum stage)failure.stage);
    }
    tell(report_started(spawn->id, main_pid, 0));
}

static void prepare(const struct spawn *spawn, const int *ends)
{
    int keep[MAX_CHILD_FDS + 3] = {channel, null_fd, proctree_fd()};
    sigset_t child;
    memcpy(keep + 3, ends, spawn->fd_count * sizeof *ends);
    close_except(keep, spawn->fd_count + 3u);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        tell_failure(errno, STAGE_SETUP);
    if (getppid() != init_pid)
        give_up();
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    children_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children_fd < 0)
        tell_failure(errno, STAGE_SETUP);
}

/* The life of a supervisor: a fork of init, with every signal blocked. */
_Noreturn void supervise(const struct spawn *spawn, const int *ends, int channel_to_init, uint32_t oom_kills_before)
{
    struct rusage usage;
    channel = channel_to_init;
    ending.id = spawn->id;
    prepare(spawn, ends);
    start(spawn, ends);
    ending.reason = watch(spawn->cpu_ms);
    end_tree();
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0)
        add_usage(&ending, &usage);
    int ended_by = WIFSIGNALED((int)ending.wait_status) ? WTERMSIG((int)ending.wait_status) : 0;
    if (ending.reason == REASON_NONE && spawn->cpu_ms > 0 && ending.cpu_us >= spawn->cpu_ms * 1000 &&
        (ended_by == SIGKILL || ended_by == SIGXCPU))
        ending.reason = REASON_CPU_TIME; /* RLIMIT_CPU was faster than the watch */
    ending.oom_kills = oom_kills() - oom_kills_before;
    tell(report_exited(&ending));
    _exit(0);
}
