/*
 * The process tree below one process: measuring it and killing it.
 *
 * Theory of operation: a supervisor is a child subreaper, so whatever a command forks stays below it, whichever
 * session or group it moves to; the parent links of /proc/<pid>/stat (proc_pid_stat(5)) are the tree. One scan of
 * /proc is no snapshot: processes fork, die and get other parents meanwhile. That is harmless, since a scan is
 * repeated until wait(2) (for a supervisor) or /proc (for PID 1) says that nobody is left, and a process with SIGKILL
 * pending cannot fork again.
 *
 * Processes that fork and die faster than a scan sees them need room: each generation has one that outlives its
 * parent and becomes a zombie of the hunter. The callers therefore reap nothing while something lives; the zombies
 * use up the container's pids limit, and the next fork fails. Where there is no such limit the chain can run away for
 * a while: a hunt in which new processes keep appearing after HUNT_MS is hopeless, and the caller takes the next
 * larger hammer.
 *
 * A pid that was read may be another process by the time it is killed. Children of the caller cannot be: they stay
 * zombies until it reaps them. All others are killed through a pidfd after a second look at their start time.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Far above a container's pids limit; pages that are not touched cost nothing. */
#define MAX_PROCESSES 65536
#define HUNT_MS 10000

struct process {
    pid_t pid, parent;
    uint64_t start;     /* clock ticks after boot */
    uint64_t cpu_ticks; /* own and of reaped children */
    bool living; /* zombies are not; one that has threads left is */
    bool member;
};

/* The kernel's struct linux_dirent64 (getdents(2)). */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int proc = -1;
static struct process processes[MAX_PROCESSES];
static size_t process_count;

void proctree_open(void)
{
    struct tree tree;
    proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0 || !proctree_measure(getppid(), NULL, &tree))
        die("cannot read /proc: %s", strerror(errno));
}

int proctree_fd(void)
{
    return proc;
}

/* Reads one process. 1: read, 0: it is gone, -1: it could not be looked at (out of descriptors or memory). */
static int read_process(pid_t pid, struct process *process)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "%d/stat", (int)pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH ? 0 : -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    if (length <= 0)
        return length == 0 || error == ESRCH ? 0 : -1;
    text[length] = 0;
    /* The name in parentheses is the guest's choice and may hold anything, also ')'. */
    char *fields = strrchr(text, ')');
    char state;
    int parent, threads;
    unsigned long long user, kernel, start;
    long long child_user, child_kernel;
    if (!fields ||
        sscanf(fields + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %d %*d %llu", &state,
               &parent, &user, &kernel, &child_user, &child_kernel, &threads, &start) != 8)
        return -1;
    *process = (struct process){.pid = pid, .parent = parent, .start = start};
    process->living = (state != 'Z' && state != 'X') || threads > 1;
    process->cpu_ticks = user + kernel + (uint64_t)child_user + (uint64_t)child_kernel;
    return 1;
}

/* Fills `processes`, which come in the order of their pids. */
static bool read_all(void)
{
    _Alignas(struct entry) static char buffer[32768];
    process_count = 0;
    if (lseek(proc, 0, SEEK_SET) != 0)
        return false;
    for (;;) {
        long length = syscall(SYS_getdents64, proc, buffer, sizeof buffer);
        if (length <= 0)
            return length == 0;
        for (long at = 0; at < length;) {
            struct entry *entry = (struct entry *)(buffer + at);
            at += entry->length;
            char *rest;
            long pid = strtol(entry->name, &rest, 10);
            if (pid <= 0 || *rest || process_count == MAX_PROCESSES)
                continue;
            int found = read_process((pid_t)pid, &processes[process_count]);
            if (found < 0)
                return false;
            process_count += (size_t)found;
        }
    }
}

static int by_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool mark_members(pid_t root, bool (*spare)(pid_t))
{
    bool changed = false;
    for (size_t i = 0; i < process_count; i++) {
        struct process *process = &processes[i];
        if (process->member || (spare && spare(process->pid)))
            continue;
        struct process key = {.pid = process->parent};
        struct process *parent = bsearch(&key, processes, process_count, sizeof key, by_pid);
        if (process->parent == root || (parent && parent->member))
            changed = process->member = true;
    }
    return changed;
}

/*
 * Looks at everything below `root`, without what `spare` names and what is below that.
 * Returns false when /proc could not be read; what was found is then not complete.
 */
bool proctree_measure(pid_t root, bool (*spare)(pid_t), struct tree *tree)
{
    bool complete = read_all();
    *tree = (struct tree){0};
    qsort(processes, process_count, sizeof *processes, by_pid);
    while (mark_members(root, spare))
        ;
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    for (size_t i = 0; i < process_count; i++) {
        if (!processes[i].member)
            continue;
        tree->members++;
        tree->living += processes[i].living;
        tree->cpu_us += processes[i].cpu_ticks * 1000000 / (uint64_t)ticks_per_second;
    }
    return complete;
}

static void kill_process(const struct process *process, pid_t root)
{
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_send_signal)
    if (process->parent != root) {
        struct process now;
        int fd = (int)syscall(SYS_pidfd_open, process->pid, 0u);
        if (fd >= 0) {
            if (read_process(process->pid, &now) == 1 && now.start == process->start)
                syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0u);
            close(fd);
            return;
        }
        if (errno == ESRCH)
            return;
    }
#else
    (void)root;
#endif
    kill(process->pid, SIGKILL);
}

/* One round of a hunt: SIGKILL for everything that is below `root` now. `tree->members` says how many there were. */
void proctree_kill(pid_t root, bool (*spare)(pid_t), struct hunt *hunt, struct tree *tree)
{
    bool complete = proctree_measure(root, spare, tree);
    uint64_t now = now_ms();
    if (hunt->started_ms == 0)
        hunt->started_ms = now;
    if (!complete) {
        hunt->newest_seen_ms = now;
        tree->members++; /* one that could not be seen */
        tree->living++;
    }
    for (size_t i = 0; i < process_count; i++) {
        if (!processes[i].member || !processes[i].living)
            continue;
        kill_process(&processes[i], root);
        if (processes[i].start > hunt->newest_start) {
            hunt->newest_start = processes[i].start;
            hunt->newest_seen_ms = now;
        }
    }
    hunt->hopeless = now - hunt->started_ms > HUNT_MS && now - hunt->newest_seen_ms < 1000;
}
