/*
 * The CPU time of a whole tree against its budget, called in the tree's supervisor.
 */
#include "init.h"

#include <unistd.h>

/* CPU time of a tree is read at most, and at least, this often. */
#define MIN_CPU_CHECK_MS 10
#define MAX_CPU_CHECK_MS 60000

static uint64_t reaped_cpu_us(void)
{
    struct ending sum = {0};
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0)
        add_usage(&sum, &usage);
    return sum.cpu_us;
}

/*
 * Milliseconds until the rest of the budget could be gone if every CPU worked on it; 0: it is gone; -1: cannot be read.
 * Counts what was reaped here, and what the living have used and reaped themselves.
 */
int cpu_budget_pause_ms(uint64_t budget_us)
{
    static uint64_t cpus; /* asked once: it costs a file */
    struct tree tree;
    uint64_t reaped = reaped_cpu_us();
    if (!proctree_measure(getpid(), NULL, &tree))
        return -1;
    uint64_t spent = reaped + tree.cpu_us;
    if (spent >= budget_us)
        return 0;
    if (cpus < 1) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        cpus = online < 1 ? 1 : (uint64_t)online;
    }
    uint64_t pause = (budget_us - spent) / 1000 / cpus;
    if (pause < MIN_CPU_CHECK_MS)
        return MIN_CPU_CHECK_MS;
    return pause > MAX_CPU_CHECK_MS ? MAX_CPU_CHECK_MS : (int)pause;
}
