/*
 * Trace mode: what makes sure that nothing below init runs untraced.
 *
 * Theory of operation: in trace mode a sidecar in this PID namespace runs strace on PID 1, and the kernel then attaches
 * every descendant by itself, before its first instruction. So the order is everything:
 *  1. init stays on the CPU that it is on, if asked (--pin-cpu). Each stop of a tracee wakes the tracer and back; on one
 *     CPU a traced stat(2) costs 17 µs, across two 140 µs.
 *  2. It waits at the gate (main.c), for one byte of stdin, which the host writes when the tracer says that it is attached.
 *  3. It looks for its own tracer, and goes no further without one. Whoever opens the gate too early starts nothing.
 *  4. With `--trace named` it installs a filter, which all that it forks inherit and nobody can take off. The filter
 *     decides where the kernel stops for the tracer: at calls that name something (traced-calls.h), so that all others
 *     cost nothing. strace's own filter cannot be used, since strace installs that in what it starts, not in what it
 *     attaches to; with --seccomp-bpf it honours any.
 *
 * What the filter answers (seccomp(2)):
 *  - SECCOMP_RET_TRACE for the named calls, for those of other architectures and for x32. When the tracer is gone the
 *    kernel answers ENOSYS itself: a guest without its tracer opens, starts and connects to nothing.
 *  - EPERM for ways out: clone(2) with CLONE_UNTRACED, whose child nobody would trace; and further filters, which could
 *    answer a call before the tracer sees it.
 *  - ENOSYS for clone3(2), which hides its flags behind a pointer, for io_uring, whose requests are no calls, and for
 *    calls that are too new for strace (newer-calls.h). Programs fall back on older ones.
 * Where the container's own filter refuses a call, its answer counts and the tracer is not asked.
 *
 * With `--trace all` every call stops without a filter. Then the container's own filter alone refuses the ways out.
 *
 * A supervisor names its command to the tracer by a call that does nothing else, access(2) on a file below
 * /.sandbox/command that does not exist: the number in it is the host's for the command. The host believes those of PID 1's
 * own children alone.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "trace mode knows x86-64 and AArch64; both have 64-bit little-endian arguments"
#endif

/* Calls of the x32 interface come as x86-64's with this bit (__X32_SYSCALL_BIT of asm/unistd.h). */
#define X32_BIT 0x40000000u
#define MAX_RULES 1024

/* How long the sandbox outlives its guest, so that the tracer's last lines are on their way. */
#define TAIL_MS 20

static const uint32_t traced_calls[] = {
#include "traced-calls.h"
};

static const uint32_t missing_calls[] = {
#include "newer-calls.h"
    __NR_clone3, __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register,
};

static enum trace_mode mode = TRACE_OFF;

static struct sock_filter rules[MAX_RULES];
static unsigned short rule_count;

static void add(uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    if (rule_count == MAX_RULES)
        die("the trace filter has more than %d rules", MAX_RULES);
    rules[rule_count++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(size_t offset)
{
    add(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(uint32_t action)
{
    add(BPF_RET | BPF_K, action, 0, 0);
}

/* The next `skip` rules are for this call alone. */
static void for_call(uint32_t number, uint8_t skip)
{
    add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, skip);
}

static void build_filter(void)
{
    /* The lower half of the first argument: clone's flags and prctl's option have 32 bits. */
    const size_t first_argument = offsetof(struct seccomp_data, args);
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0);
    answer(SECCOMP_RET_TRACE);
    load(offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    add(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    answer(SECCOMP_RET_TRACE);
#endif
    for_call(__NR_prctl, 4);
    load(first_argument);
    add(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1);
    answer(SECCOMP_RET_ERRNO | EPERM);
    answer(SECCOMP_RET_ALLOW);
    for_call(__NR_seccomp, 1);
    answer(SECCOMP_RET_ERRNO | EPERM);
    for_call(__NR_clone, 4);
    load(first_argument);
    add(BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 0, 1);
    answer(SECCOMP_RET_ERRNO | EPERM);
    answer(SECCOMP_RET_TRACE);
    for (size_t i = 0; i < sizeof missing_calls / sizeof *missing_calls; i++) {
        for_call(missing_calls[i], 1);
        answer(SECCOMP_RET_ERRNO | ENOSYS);
    }
    for (size_t i = 0; i < sizeof traced_calls / sizeof *traced_calls; i++) {
        for_call(traced_calls[i], 1);
        answer(SECCOMP_RET_TRACE);
    }
    answer(SECCOMP_RET_ALLOW);
}

/* Who traces this process, in the PID namespace of /proc; 0 when nobody does. */
static long tracer_of_self(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0)
        die("cannot read /proc/self/status: %s", strerror(errno));
    close(fd);
    text[length] = 0;
    const char *line = strstr(text, "\nTracerPid:");
    return line ? strtol(line + strlen("\nTracerPid:"), NULL, 10) : 0;
}

void trace_pin_cpu(void)
{
    cpu_set_t set;
    int cpu = sched_getcpu();
    CPU_ZERO(&set);
    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return; /* a machine of more CPUs than a set has: slower, and no less traced */
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        die("cannot stay on CPU %d: %s", cpu, strerror(errno));
}

/* Once the gate is open and before the first fork: from here on nothing runs untraced. */
void trace_begin(enum trace_mode wanted)
{
    if (tracer_of_self() <= 0)
        die("--trace: no process traces this one");
    mode = wanted;
    if (mode != TRACE_NAMED)
        return;
    build_filter();
    struct sock_fprog program = {.len = rule_count, .filter = rules};
    /* Without new privileges a filter needs none either; a container has that set already. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("cannot install the trace filter: %s", strerror(errno));
}

/* Called by a supervisor before it forks: tells the tracer whose descendants follow. */
void trace_mark_command(uint32_t id)
{
    char path[64];
    if (mode == TRACE_OFF)
        return;
    snprintf(path, sizeof path, "/.sandbox/command/%u", (unsigned)id);
    (void)access(path, F_OK);
}

/*
 * Before PID 1 exits: the kernel then kills everything in the namespace at once, the tracer with what it has not
 * forwarded yet. So the guest goes first, and its last calls get the time to leave.
 */
void trace_end(void)
{
    if (mode == TRACE_OFF || init_pid != 1)
        return;
    kill(-1, SIGKILL); /* never reaches the tracer: that has another uid */
    uint64_t until = now_ms() + TAIL_MS;
    for (uint64_t now = now_ms(); now < until; now = now_ms())
        poll(NULL, 0, (int)(until - now));
}
