/*
 * The lives of commands: their start, the orders to them, and what happens when a supervisor is lost.
 *
 * Theory of operation: SPAWN makes the pipes, their broker, a socket pair and a supervisor; what the supervisor reports
 * is passed on to the shovel, in order: STARTED once the broker is ready too, the last report once the supervisor is
 * reaped (command-reports.c). An entry of the table lives until then, and until the broker is reaped. Every SPAWN is
 * answered by FAILED, or by STARTED and later exactly one EXITED; after FAILED or EXITED no process of the command is
 * left, its supervisor included.
 *
 * A supervisor runs under the guest's uid, so a guest can kill it. The command's main process then dies with it
 * (PR_SET_PDEATHSIG), the rest of the tree is hunted down (orphans.c), and the command is reported as ended. A stopped
 * supervisor watches nothing, so it is treated like a dead one; and one that does not answer an order to end its tree
 * within KILL_ANSWER_MS is killed.
 */
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_ANSWER_MS 3000

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
    int ends[MAX_CHILD_FDS], channel[2];
    if (command_find(spawn->id))
        die("bad request: command %u is there already", (unsigned)spawn->id);
    struct command *command = command_add(spawn->id);
    if (!command) {
        struct report report = report_failed(spawn->id, EAGAIN, STAGE_SETUP);
        send_report(&report);
        return;
    }
    int error = prepare_pipes(command, spawn, ends);
    if (error != 0) {
        command_fail(command, error);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) {
        error = errno;
        pipes_close(ends, spawn->fd_count);
        command_fail(command, error);
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
        command_fail(command, error);
        return;
    }
    command->supervisor = pid;
}

void commands_opened(uint32_t id)
{
    struct command *command = command_find(id);
    if (command)
        command_dismiss_broker(command);
}

void commands_signal(uint32_t id, uint8_t signal_number, uint8_t scope)
{
    struct command *command = command_find(id);
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

/* An orphan's usage goes to the command that was lost first; with one lost at a time, that is the right one. */
static void reaped_orphan(pid_t pid, int status, const struct rusage *usage)
{
    orphans_hunt();
    for (struct command *command = command_next(NULL); command; command = command_next(command)) {
        if (!command->lost)
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
    struct command *command = command_of_broker(pid);
    if (command) {
        command->broker = 0;
        command->broker_ready = true;
        command_pass_on(command);
        return;
    }
    command = command_of_supervisor(pid);
    if (!command) {
        reaped_orphan(pid, status, usage);
        return;
    }
    command_take_reports(command); /* all that it ever sent is there now */
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
    command_pass_on(command);
}

/* A child of PID 1 was stopped: a broker that is ready, or a supervisor that somebody keeps from its work. */
void commands_stopped(pid_t pid)
{
    struct command *command = command_of_broker(pid);
    if (command) {
        command->broker_ready = true;
        command_pass_on(command);
    } else if (command_of_supervisor(pid)) {
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
    for (struct command *command = command_next(NULL); command; command = command_next(command)) {
        if (command->supervisor > 0)
            reap_one(command->supervisor);
        if (command->used && command->broker > 0)
            reap_one(command->broker);
    }
}

static void report_lost(struct command *command)
{
    command->lost = false;
    if (command->main_pid == 0) {
        command_fail(command, ECHILD);
        return;
    }
    command->started = true;
    command->ending.reason = command->tree_kill ? REASON_TREE_KILLED : REASON_SUPERVISOR_KILLED;
    command->ending.oom_kills = oom_kills() - command->oom_kills_before;
    command->last = report_exited(&command->ending);
    command->reported = true;
    command_pass_on(command);
}

/* Does what is due. Returns the milliseconds until the next time, or -1. */
int commands_tick(void)
{
    uint64_t now = now_ms();
    int timeout = -1;
    for (struct command *command = command_next(NULL); command; command = command_next(command)) {
        if (command->kill_deadline_ms == 0 || command->supervisor == 0)
            continue;
        if (now >= command->kill_deadline_ms) {
            kill(command->supervisor, SIGKILL);
            command->kill_deadline_ms = 0;
        } else if (timeout < 0 || command->kill_deadline_ms - now < (uint64_t)timeout) {
            timeout = (int)(command->kill_deadline_ms - now);
        }
    }
    int pause = orphans_tick(command_knows);
    if (pause > 0)
        return timeout < 0 || pause < timeout ? pause : timeout;
    for (struct command *command = command_next(NULL); command; command = command_next(command))
        if (command->lost)
            report_lost(command);
    return timeout;
}
