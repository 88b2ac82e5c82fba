/*
 * The commands as PID 1 sees them: a table of supervisors, and what happens when one is lost.
 *
 * Theory of operation: SPAWN makes the pipes, their broker, a socket pair and a supervisor; what the supervisor reports
 * is passed on to the shovel, in order: STARTED once the broker is ready too, the last report once the supervisor is
 * reaped. An entry lives until then, and until the broker is reaped. Every SPAWN is answered by FAILED, or by STARTED and later exactly one EXITED; after
 * FAILED or EXITED no process of the command is left, its supervisor included.
 *
 * A supervisor runs under the guest's uid, so a guest can kill it. The command's main process then dies with it
 * (PR_SET_PDEATHSIG), the rest of the tree is hunted down (orphans.c), and the command is reported as ended. A stopped
 * supervisor watches nothing, so it is treated like a dead one; and one that does not answer an order to end its tree
 * within KILL_ANSWER_MS is killed.
 */
#include "init.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_ANSWER_MS 3000

struct command {
    bool used;
    uint32_t id;
    pid_t broker;      /* 0: none, or reaped */
    bool broker_ready; /* it holds the pipes, or never will */
    pid_t supervisor;  /* 0: reaped */
    int channel;       /* -1: closed */
    pid_t main_pid;    /* 0: not forked */
    bool started;      /* the command runs, or ran */
    bool told_start;   /* STARTED was passed on */
    bool reported;     /* FAILED or EXITED is there, in `last` */
    bool told_end;     /* and was passed on */
    struct report last;
    bool lost; /* the supervisor ended without one */
    bool tree_kill;
    uint64_t kill_deadline_ms; /* 0: none */
    uint32_t oom_kills_before;
    struct ending ending; /* what the sweep finds, for a lost command */
};

static struct command commands[MAX_COMMANDS];
static struct command *polled[MAX_COMMANDS];

static struct command *find(uint32_t id)
{
    for (size_t i = 0; i < MAX_COMMANDS; i++)
        if (commands[i].used && commands[i].id == id)
            return &commands[i];
    return NULL;
}

static struct command *find_supervisor(pid_t pid)
{
    for (size_t i = 0; i < MAX_COMMANDS; i++)
        if (commands[i].used && commands[i].supervisor == pid)
            return &commands[i];
    return NULL;
}

static struct command *find_broker(pid_t pid)
{
    for (size_t i = 0; i < MAX_COMMANDS; i++)
        if (commands[i].used && commands[i].broker == pid)
            return &commands[i];
    return NULL;
}

static bool is_known(pid_t pid)
{
    return pid == shovel_pid || find_supervisor(pid) != NULL || find_broker(pid) != NULL;
}

static void dismiss_broker(struct command *command)
{
    if (command->broker > 0)
        kill(command->broker, SIGKILL);
}

/* Tells the shovel what it may know by now, and frees the entry when all is told and nobody is left to reap. */
static void pass_on(struct command *command)
{
    if (command->started && command->broker_ready && !command->told_start) {
        struct report report = report_started(command->id, command->main_pid, command->broker);
        command->told_start = true;
        send_report(&report);
    }
    bool failed = command->reported && command->last.bytes[4] == REPORT_FAILED;
    if (command->reported && command->supervisor == 0 && (failed || command->told_start) && !command->told_end) {
        command->told_end = true;
        send_report(&command->last);
        if (failed)
            dismiss_broker(command);
    }
    if (command->told_end && command->broker == 0)
        command->used = false;
}

static void fail(struct command *command, int error)
{
    command->last = report_failed(command->id, error, STAGE_SETUP);
    command->reported = true;
    pass_on(command);
}

/* Makes pipes and broker. Returns 0 or an errno. */
static int prepare_pipes(struct command *command, const struct spawn *spawn, int *command_ends)
{
    int shovel_ends[MAX_CHILD_FDS];
    command->broker_ready = spawn->fd_count == 0;
    if (spawn->fd_count == 0)
        return 0;
    int error = pipes_create(spawn, command_ends, shovel_ends);
    if (error != 0)
        return error;
    pid_t pid = pipes_offer(spawn, shovel_ends);
    error = errno;
    pipes_close(shovel_ends, spawn->fd_count);
    if (pid > 0) {
        command->broker = pid;
        return 0;
    }
    pipes_close(command_ends, spawn->fd_count);
    return error;
}

void commands_spawn(const struct spawn *spawn)
{
    struct command *command = NULL;
    int ends[MAX_CHILD_FDS], channel[2];
    if (find(spawn->id))
        die("bad request: command %u is there already", (unsigned)spawn->id);
    for (size_t i = 0; i < MAX_COMMANDS && !command; i++)
        if (!commands[i].used)
            command = &commands[i];
    if (!command) {
        struct report report = report_failed(spawn->id, EAGAIN, STAGE_SETUP);
        send_report(&report);
        return;
    }
    *command = (struct command){.used = true, .id = spawn->id, .channel = -1, .oom_kills_before = oom_kills()};
    int error = prepare_pipes(command, spawn, ends);
    if (error != 0) {
        fail(command, error);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) {
        error = errno;
        pipes_close(ends, spawn->fd_count);
        fail(command, error);
        return;
    }
    command->channel = channel[0];
    pid_t pid = fork();
    if (pid == 0)
        supervise(spawn, ends, channel[1], command->oom_kills_before);
    error = errno;
    close(channel[1]);
    pipes_close(ends, spawn->fd_count);
    if (pid < 0) {
        close(command->channel);
        command->channel = -1;
        fail(command, error);
        return;
    }
    command->supervisor = pid;
}

void commands_opened(uint32_t id)
{
    struct command *command = find(id);
    if (command)
        dismiss_broker(command);
}

void commands_signal(uint32_t id, uint8_t signal_number, uint8_t scope)
{
    struct command *command = find(id);
    uint8_t order[2] = {signal_number, scope};
    if (!command || command->channel < 0)
        return;
    /* A supervisor that does not read is not waited for: an order to end its tree has a deadline. */
    if (send(command->channel, order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && scope != SCOPE_TREE)
        return;
    if (scope == SCOPE_TREE && !command->tree_kill) {
        command->tree_kill = true;
        command->kill_deadline_ms = now_ms() + KILL_ANSWER_MS;
    }
}

/* Passes on what a supervisor has reported. */
static void read_reports(struct command *command)
{
    while (command->channel >= 0) {
        struct report report;
        ssize_t length = recv(command->channel, report.bytes, sizeof report.bytes, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            return;
        if (length < 5) { /* end of file: it is dead or about to be */
            close(command->channel);
            command->channel = -1;
            return;
        }
        report.length = (size_t)length;
        switch (report.bytes[4]) {
        case REPORT_ENDING:
            command->kill_deadline_ms = 0;
            continue;
        case REPORT_FORKED:
            command->main_pid = (pid_t)get_u32(report.bytes + 5);
            continue;
        case REPORT_STARTED:
            command->started = true;
            pass_on(command);
            continue;
        default:
            command->reported = true;
            command->kill_deadline_ms = 0;
            command->last = report;
        }
    }
}

size_t commands_poll_fds(struct pollfd *fds)
{
    size_t count = 0;
    for (size_t i = 0; i < MAX_COMMANDS; i++) {
        if (!commands[i].used || commands[i].channel < 0)
            continue;
        polled[count] = &commands[i];
        fds[count++] = (struct pollfd){.fd = commands[i].channel, .events = POLLIN};
    }
    return count;
}

/* Takes the descriptors of the last commands_poll_fds() after poll(2), with no other call in between. */
void commands_read_reports(const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i].revents)
            read_reports(polled[i]);
}

/* An orphan's usage goes to the command that was lost first; with one lost at a time, that is the right one. */
static void reaped_orphan(pid_t pid, int status, const struct rusage *usage)
{
    orphans_hunt();
    for (size_t i = 0; i < MAX_COMMANDS; i++) {
        struct command *command = &commands[i];
        if (!command->used || !command->lost)
            continue;
        add_usage(&command->ending, usage);
        if (pid == command->main_pid)
            command->ending.wait_status = (uint32_t)status;
        else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            command->ending.leftovers++;
        return;
    }
}

/* A child of PID 1 that is not the shovel was reaped. */
void commands_reaped(pid_t pid, int status, const struct rusage *usage)
{
    struct command *command = find_broker(pid);
    if (command) {
        command->broker = 0;
        command->broker_ready = true;
        pass_on(command);
        return;
    }
    command = find_supervisor(pid);
    if (!command) {
        reaped_orphan(pid, status, usage);
        return;
    }
    read_reports(command); /* all that it ever sent is there now */
    if (command->channel >= 0)
        close(command->channel);
    command->channel = -1;
    command->supervisor = 0;
    if (!command->reported) {
        command->lost = true;
        command->ending = (struct ending){.id = command->id, .wait_status = SIGKILL};
        add_usage(&command->ending, usage);
        orphans_hunt();
    }
    pass_on(command);
}

/* A child of PID 1 was stopped: a broker that is ready, or a supervisor that somebody keeps from its work. */
void commands_stopped(pid_t pid)
{
    struct command *command = find_broker(pid);
    if (command) {
        command->broker_ready = true;
        pass_on(command);
    } else if (find_supervisor(pid)) {
        kill(pid, SIGKILL);
    }
}

/* Reaps who ended: everybody, or only those known while orphans are hunted. */
void commands_reap(bool (*reap_one)(pid_t pid))
{
    if (!orphans_living()) {
        while (reap_one(-1))
            ;
        return;
    }
    reap_one(shovel_pid);
    for (size_t i = 0; i < MAX_COMMANDS; i++) {
        if (commands[i].used && commands[i].supervisor > 0)
            reap_one(commands[i].supervisor);
        if (commands[i].used && commands[i].broker > 0)
            reap_one(commands[i].broker);
    }
}

static void report_lost(struct command *command)
{
    command->lost = false;
    if (command->main_pid == 0) {
        fail(command, ECHILD);
        return;
    }
    command->started = true;
    command->ending.reason = command->tree_kill ? REASON_TREE_KILLED : REASON_SUPERVISOR_KILLED;
    command->ending.oom_kills = oom_kills() - command->oom_kills_before;
    command->last = report_exited(&command->ending);
    command->reported = true;
    pass_on(command);
}

/* Does what is due. Returns the milliseconds until the next time, or -1. */
int commands_tick(void)
{
    uint64_t now = now_ms();
    int timeout = -1;
    for (size_t i = 0; i < MAX_COMMANDS; i++) {
        struct command *command = &commands[i];
        if (!command->used || command->kill_deadline_ms == 0 || command->supervisor == 0)
            continue;
        if (now >= command->kill_deadline_ms) {
            kill(command->supervisor, SIGKILL);
            command->kill_deadline_ms = 0;
        } else if (timeout < 0 || command->kill_deadline_ms - now < (uint64_t)timeout) {
            timeout = (int)(command->kill_deadline_ms - now);
        }
    }
    int pause = orphans_tick(is_known);
    if (pause > 0)
        return timeout < 0 || pause < timeout ? pause : timeout;
    for (size_t i = 0; i < MAX_COMMANDS; i++)
        if (commands[i].used && commands[i].lost)
            report_lost(&commands[i]);
    return timeout;
}
