/*
 * What the files of init share: limits, records, prototypes. See main.c for how the parts work together.
 */
#ifndef CONTAINER_SANDBOX_INIT_H
#define CONTAINER_SANDBOX_INIT_H

#define _GNU_SOURCE

#include <stdbool.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A request larger than this is refused; the kernel takes about 2 MiB of arguments and environment (execve(2)). */
#define MAX_REQUEST_BYTES (4u << 20)
/* Commands that run, or ended with pipes that the shovel did not open yet. */
#define MAX_COMMANDS 1024
/* Descriptors that a command can be given: 0 to MAX_CHILD_FD. */
#define MAX_CHILD_FD 15
#define MAX_CHILD_FDS (MAX_CHILD_FD + 1)
/* The shovel's end of the pipe for descriptor n is the broker's descriptor BROKER_FD_BASE + n; part of the wire. */
#define BROKER_FD_BASE 32

/* How init ends when not with the shovel's own code. */
#define EXIT_OUR_FAILURE 125
#define EXIT_LIFETIME 124

enum request_op { REQUEST_SPAWN = 1, REQUEST_OPENED = 2, REQUEST_SIGNAL = 3 };
/* The first two stay between a supervisor and init; the others go to the shovel as they are. */
enum report_op { REPORT_ENDING = 0, REPORT_FORKED = 255, REPORT_STARTED = 1, REPORT_FAILED = 2, REPORT_EXITED = 3 };
enum stage { STAGE_SETUP = 1, STAGE_CHDIR = 2, STAGE_EXEC = 3 };
enum scope { SCOPE_PROCESS = 0, SCOPE_GROUP = 1, SCOPE_TREE = 2 };
enum reason { REASON_NONE = 0, REASON_CPU_TIME = 1, REASON_TREE_KILLED = 2, REASON_SUPERVISOR_KILLED = 3 };

/* A descriptor of a command that is to be a pipe: `writes` is the command's own direction. */
struct child_fd {
    uint8_t fd;
    bool writes;
};

/* A SPAWN request. The strings point into the request's bytes; the two arrays are the parser's, see spawn_free(). */
struct spawn {
    uint32_t id;
    uint64_t cpu_ms; /* budget of the whole tree in milliseconds of CPU time; 0: none */
    uint8_t fd_count;
    struct child_fd fds[MAX_CHILD_FDS];
    char **argv;
    char **envp;
    char *cwd;
    char *file;
};

/* How a command ended: the body of EXITED. */
struct ending {
    uint32_t id;
    uint32_t wait_status;
    uint64_t cpu_us;
    uint64_t max_rss_bytes;
    uint32_t leftovers;
    uint8_t reason;
    uint32_t oom_kills;
};

/* Any report with its length in front; each is sent in one piece. */
struct report {
    size_t length;
    uint8_t bytes[64];
};

/* util.c */
uint64_t now_ms(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void set_signal_mask(bool blocked);
void close_from(int first);
void close_except(int *keep, size_t count);
uint32_t oom_kills(void);
void add_usage(struct ending *ending, const struct rusage *usage);

/* wire.c */
const char *parse_spawn(uint8_t *body, size_t length, struct spawn *spawn);
void spawn_free(struct spawn *spawn);
uint32_t get_u32(const uint8_t *bytes);
struct report report_ending(void);
struct report report_forked(pid_t pid);
struct report report_started(uint32_t id, pid_t pid, pid_t broker);
struct report report_failed(uint32_t id, int error, enum stage stage);
struct report report_exited(const struct ending *ending);

/* pipes.c */
int pipes_create(const struct spawn *spawn, int *command_ends, int *shovel_ends);
void pipes_close(const int *ends, size_t count);
pid_t pipes_offer(const struct spawn *spawn, const int *shovel_ends);

/* proctree.c */
struct tree {
    size_t members; /* zombies included */
    size_t living;
    uint64_t cpu_us;
};
/* A hunt for every member of a tree; `hopeless` when new members keep appearing in spite of it. */
struct hunt {
    uint64_t started_ms;
    uint64_t newest_start;
    uint64_t newest_seen_ms;
    bool hopeless;
};
void proctree_open(void);
int proctree_fd(void);
bool proctree_measure(pid_t root, bool (*spare)(pid_t), struct tree *tree);
void proctree_kill(pid_t root, bool (*spare)(pid_t), struct hunt *hunt, struct tree *tree);

/* launch.c */
_Noreturn void launch(const struct spawn *spawn, const int *ends, int status_fd, int channel, pid_t supervisor);
struct launch_error {
    int32_t error;
    int32_t stage;
};

/* cpu-budget.c */
int cpu_budget_pause_ms(uint64_t budget_us);

/* supervisor.c */
_Noreturn void supervise(const struct spawn *spawn, const int *ends, int channel, uint32_t oom_kills_before);

/* command-reports.c */
size_t commands_poll_fds(struct pollfd *fds);
void commands_read_reports(const struct pollfd *fds, size_t count);

/* commands.c */
void commands_spawn(const struct spawn *spawn);
void commands_opened(uint32_t id);
void commands_signal(uint32_t id, uint8_t signal_number, uint8_t scope);
void commands_reaped(pid_t pid, int status, const struct rusage *usage);
void commands_stopped(pid_t pid);
void commands_reap(bool (*reap_one)(pid_t pid));
int commands_tick(void);

/* orphans.c */
void orphans_hunt(void);
bool orphans_living(void);
int orphans_tick(bool (*spare)(pid_t));

/* trace.c */
enum trace_mode { TRACE_OFF, TRACE_NAMED, TRACE_ALL };
void trace_pin_cpu(void);
void trace_begin(enum trace_mode wanted);
void trace_mark_command(uint32_t id);
void trace_end(void);

/* options.c */
struct options {
    uint64_t lifetime_ms;
    enum trace_mode trace;
    bool pin_cpu;
    char **shovel; /* its arguments, the file first */
};
struct options parse_options(int argc, char **argv);

/* control.c */
void control_open(int fd);
struct pollfd control_poll_fd(void);
void control_handle(short events);
uint64_t control_deadline_ms(void);
void send_report(const struct report *report);

/* main.c */
extern pid_t init_pid;
extern pid_t shovel_pid;
extern int null_fd;
_Noreturn void end(int code);

#endif
