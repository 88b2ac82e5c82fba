/*
 * The commands as PID 1 sees them, for the files that share the table: command-table.c, command-reports.c, commands.c.
 */
#ifndef CONTAINER_SANDBOX_COMMAND_H
#define CONTAINER_SANDBOX_COMMAND_H

#include "init.h"

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

/* command-table.c */
struct command *command_add(uint32_t id);
struct command *command_find(uint32_t id);
struct command *command_of_supervisor(pid_t pid);
struct command *command_of_broker(pid_t pid);
struct command *command_next(struct command *previous);
bool command_knows(pid_t pid);

/* command-reports.c */
void command_pass_on(struct command *command);
void command_fail(struct command *command, int error);
void command_dismiss_broker(struct command *command);
void command_take_reports(struct command *command);

#endif
