/*
 * The table of commands: a fixed number of entries, found by a walk. MAX_COMMANDS is small enough for that.
 */
#include "command.h"

static struct command commands[MAX_COMMANDS];

/* The first entry for NULL, then each next one that is used; NULL after the last. */
struct command *command_next(struct command *previous)
{
    for (struct command *command = previous ? previous + 1 : commands; command < commands + MAX_COMMANDS; command++)
        if (command->used)
            return command;
    return NULL;
}

/* A fresh entry, or NULL when the table is full. */
struct command *command_add(uint32_t id)
{
    for (size_t i = 0; i < MAX_COMMANDS; i++)
        if (!commands[i].used) {
            commands[i] = (struct command){.used = true, .id = id, .channel = -1, .oom_kills_before = oom_kills()};
            return &commands[i];
        }
    return NULL;
}

struct command *command_find(uint32_t id)
{
    for (struct command *command = command_next(NULL); command; command = command_next(command))
        if (command->id == id)
            return command;
    return NULL;
}

struct command *command_of_supervisor(pid_t pid)
{
    for (struct command *command = command_next(NULL); command; command = command_next(command))
        if (command->supervisor == pid)
            return command;
    return NULL;
}

struct command *command_of_broker(pid_t pid)
{
    for (struct command *command = command_next(NULL); command; command = command_next(command))
        if (command->broker == pid)
            return command;
    return NULL;
}

/* Whether a child of PID 1 is the shovel, a supervisor or a broker, and so no orphan. */
bool command_knows(pid_t pid)
{
    return pid == shovel_pid || command_of_supervisor(pid) || command_of_broker(pid);
}
