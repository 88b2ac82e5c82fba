/**
 * The calls that a sandbox needs before and beside what the guest's programs do: no profile made for a program may lack them.
 *
 * Found with strace on init, supervisors and the shovel under their own tests, then by taking one call after the other out of
 * the profile of a real sandbox. What did not fail alone is kept where another libc, node or runtime takes that way, or
 * where a rare path does (a full pipe, a signal in a wait); it is the margin.
 */

/** Some calls, and who needs them. */
export interface BaselineGroup {
  readonly reason: string
  readonly names: readonly string[]
}

/** For a sandbox that starts, runs commands and a program, and is traced. */
export const SECCOMP_BASELINE: readonly BaselineGroup[] = [
  {
    reason:
      'The runtime between the filter and its execve: closing descriptors, its scheduler and signals (runc, crun)',
    names: ['execve', 'close', 'close_range', 'fcntl', 'openat', 'getdents64', 'nanosleep', 'sigaltstack', 'tgkill'],
  },
  {
    reason: 'Loaders and libc at the start of every process',
    names: [
      ...['access', 'arch_prctl', 'brk', 'fstat', 'getrandom', 'lseek', 'lstat', 'mmap', 'mprotect', 'munmap'],
      ...['newfstatat', 'open', 'pread64', 'prlimit64', 'read', 'readlink', 'readlinkat', 'readv', 'rseq'],
      ...['set_robust_list', 'set_tid_address', 'stat', 'statx', 'uname', 'write', 'writev'],
    ],
  },
  {
    reason: 'init and supervisors: starting, following and ending commands, their pipes and sockets',
    names: [
      ...['chdir', 'clone', 'dup', 'dup2', 'dup3', 'exit', 'exit_group', 'getppid', 'kill', 'pidfd_open'],
      ...['pidfd_send_signal', 'pipe2', 'poll', 'ppoll', 'prctl', 'recvfrom', 'recvmsg', 'rt_sigaction'],
      ...['rt_sigprocmask', 'rt_sigreturn', 'sendmsg', 'sendto', 'setsid', 'shutdown', 'signalfd4', 'socketpair'],
      ...['umask', 'vfork', 'wait4', 'waitid', 'getrusage', 'timerfd_create', 'timerfd_settime'],
    ],
  },
  {
    reason: 'The shovel and programs: node with its threads, event loop and memory',
    names: [
      ...['capget', 'clock_getres', 'clock_gettime', 'clock_nanosleep', 'epoll_create1', 'epoll_ctl', 'epoll_pwait'],
      ...['epoll_wait', 'eventfd2', 'fadvise64', 'fstatfs', 'futex', 'getcpu', 'getcwd', 'getegid', 'geteuid'],
      ...['getgid', 'getpid', 'getrlimit', 'getsockname', 'getsockopt', 'gettid', 'gettimeofday', 'getuid', 'ioctl'],
      ...['madvise', 'membarrier', 'mremap', 'pkey_alloc', 'pkey_free', 'pkey_mprotect', 'pwrite64'],
      ...['restart_syscall', 'sched_getaffinity', 'sched_yield', 'sysinfo'],
    ],
  },
  {
    reason: 'The gate of a traced init: it stays on one CPU, and the word of a command to its tracer is an access',
    names: ['sched_setaffinity', 'faccessat', 'faccessat2'],
  },
]

/** What the shovel needs for every method of `sandbox.fs`, besides the above. */
export const SECCOMP_FILE_CALLS: readonly string[] = [
  ...['chmod', 'fchmod', 'fchmodat', 'ftruncate', 'link', 'linkat', 'mkdir', 'mkdirat', 'rename', 'renameat'],
  ...['renameat2', 'rmdir', 'symlink', 'symlinkat', 'unlink', 'unlinkat', 'utimensat'],
]
