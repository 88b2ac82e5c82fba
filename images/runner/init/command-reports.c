/*
 * What supervisors report, and what the shovel is told of it and when: STARTED once the broker is ready too, FAILED or
 * EXITED once the supervisor is reaped.
 */
#include "command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whose descriptors the last commands_poll_fds() gave out, in its order. */
static struct command *polled[MAX_COMMANDS];

void command_dismiss_broker(struct command *command)
{
    if (command->broker > 0)
        kill(command->broker, SIGKILL);
}

/* Tells the shovel what it may know by now, and frees the entry when all is told and nobody is left to reap. */
void command_pass_on(struct command *command)
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
            command_dismiss_broker(command);
    }
    if (command->told_end && command->broker == 0)
        command->used = false;
}

void command_fail(struct command *command, int error)
{
    command->last = report_failed(command->id, error, STAGE_SETUP);
    command->reported = true;
    command_pass_on(command);
}

/* Passes on what a supervisor has reported. */
void command_take_reports(struct command *command)
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
            command_pass_on(command);
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
    for (struct command *command = command_next(NULL); command; command = command_next(command)) {
        if (command->channel < 0)
            continue;
        polled[count] = command;
        fds[count++] = (struct pollfd){.fd = command->channel, .events = POLLIN};
    }
    return count;
}

/* Takes the descriptors of the last commands_poll_fds() after poll(2), with no other call in between. */
void commands_read_reports(const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i].revents)
            command_take_reports(polled[i]);
}
