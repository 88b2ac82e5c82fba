/*
 * What lost supervisors leave behind.
 *
 * Theory of operation: when a supervisor is killed, what was below it becomes children of PID 1. PID 1 has no other
 * children but the shovel and living supervisors, so what is below it and not below those is a lost command's. It is
 * killed round by round between the events of the main loop. While something lives nobody unknown is reaped (see
 * proctree.c on zombies); then all are.
 */
#include "init.h"

#define MAX_PAUSE_MS 20

static bool hunting;
static bool living; /* what the last round has seen */
static struct hunt hunt;
static int pause_ms;

/* Begins to look for orphans, or goes on. */
void orphans_hunt(void)
{
    if (!hunting)
        hunt = (struct hunt){0};
    hunting = living = true;
    pause_ms = 1;
}

/* Whether children that nobody knows must stay zombies. */
bool orphans_living(void)
{
    return living;
}

/* Two scans without a find in a row: pids wrap around, and a scan could look where a new process is not yet. */
static bool none_left(bool (*spare)(pid_t))
{
    for (int scans = 0; scans < 2; scans++) {
        struct tree tree;
        proctree_kill(init_pid, spare, &hunt, &tree);
        living = tree.living > 0;
        if (tree.members > 0)
            return false;
    }
    return true;
}

/* One round against all but `spare` and what is below. Returns the milliseconds until the next, 0 when none is left. */
int orphans_tick(bool (*spare)(pid_t))
{
    if (!hunting)
        return 0;
    if (none_left(spare)) {
        hunting = false;
        return 0;
    }
    if (hunt.hopeless)
        die("processes keep appearing in a command whose supervisor is gone");
    int pause = pause_ms;
    pause_ms = pause < MAX_PAUSE_MS ? pause * 2 : MAX_PAUSE_MS;
    return pause;
}
