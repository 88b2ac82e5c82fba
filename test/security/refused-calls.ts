/**
 * System calls that a guest may not make, one attack each.
 *
 * `reached` says what the same call gives without the filter, as root with capabilities: success, or the errno with which the
 * kernel behind the filter answers arguments that were chosen to do no harm. ENOSYS stands where a kernel may lack the call.
 */
import type { SeccompArgument } from '../../src/policy/container-spec.js'

export interface RefusedCall {
  readonly group: string
  readonly call: string
  /** Operands in the words of `probes/syscalls.c`. */
  readonly operands: readonly (string | number)[]
  readonly reached: readonly string[]
  /** Where the profile allows the call with other arguments. */
  readonly when?: readonly SeccompArgument[]
  /** What a guest sees; default EPERM. */
  readonly refusal?: 'ENOSYS' | 'EINVAL'
}

const isEqual = (index: number, value: number, mask = 0xffff_ffff): SeccompArgument => ({
  index,
  value: mask,
  valueTwo: value,
  op: 'SCMP_CMP_MASKED_EQ',
})

const OK = 'OK'
const calls = (
  group: string,
  rows: readonly (readonly [string, readonly (string | number)[], ...string[]])[],
  refusal?: 'ENOSYS' | 'EINVAL',
): RefusedCall[] =>
  rows.map(([call, operands, ...reached]) => ({
    group,
    call,
    operands,
    reached,
    ...(refusal === undefined ? {} : { refusal }),
  }))

const NAMESPACES = {
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
}
const SIGCHLD = 17

const FAMILIES: Record<string, number> = {
  AF_UNSPEC: 0, AF_AX25: 3, AF_IPX: 4, AF_APPLETALK: 5, AF_NETROM: 6, AF_BRIDGE: 7, AF_ATMPVC: 8, AF_X25: 9, AF_ROSE: 11, AF_DECnet: 12,
  AF_NETBEUI: 13, AF_SECURITY: 14, AF_KEY: 15, AF_PACKET: 17, AF_ASH: 18, AF_ECONET: 19, AF_ATMSVC: 20, AF_RDS: 21, AF_IRDA: 23,
  AF_PPPOX: 24, AF_WANPIPE: 25, AF_LLC: 26, AF_IB: 27, AF_MPLS: 28, AF_CAN: 29, AF_TIPC: 30, AF_BLUETOOTH: 31, AF_IUCV: 32, AF_RXRPC: 33,
  AF_ISDN: 34, AF_PHONET: 35, AF_IEEE802154: 36, AF_CAIF: 37, AF_ALG: 38, AF_NFC: 39, AF_VSOCK: 40, AF_KCM: 41, AF_QIPCRTR: 42,
  AF_SMC: 43, AF_XDP: 44, AF_MCTP: 45,
} // prettier-ignore

/** The protocols of AF_NETLINK besides ROUTE (linux/netlink.h). */
const NETLINK: Record<string, number> = {
  USERSOCK: 2, SOCK_DIAG: 4, NFLOG: 5, XFRM: 6, SELINUX: 7, ISCSI: 8, AUDIT: 9, FIB_LOOKUP: 10, CONNECTOR: 11, NETFILTER: 12,
  KOBJECT_UEVENT: 15, GENERIC: 16, SCSITRANSPORT: 18, ECRYPTFS: 19, RDMA: 20, CRYPTO: 21,
} // prettier-ignore

/** A kernel without the family or protocol says so; that is no EPERM and no marker. */
const NO_FAMILY = ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT', 'EPROTOTYPE', 'EINVAL', 'ENOPROTOOPT']

const socket = (call: string, family: number, type: number, protocol: number, ...tested: number[]): RefusedCall => ({
  group: 'sockets',
  call: `socket ${call}`,
  operands: [family, type, protocol],
  reached: [OK, ...NO_FAMILY],
  when: [
    isEqual(0, family),
    ...(tested.includes(1) ? [isEqual(1, type, 15)] : []),
    ...(tested.includes(2) ? [isEqual(2, protocol)] : []),
  ],
})

const SOCKETS: RefusedCall[] = [
  ...Object.entries(FAMILIES).map(([name, family]) => socket(name, family, name === 'AF_VSOCK' ? 1 : 3, 0)),
  ...Object.entries(NETLINK).map(([name, protocol]) => socket(`AF_NETLINK ${name}`, 16, 3, protocol, 2)),
  ...[2, 10].flatMap((family) => {
    const name = family === 2 ? 'AF_INET' : 'AF_INET6'
    return [
      socket(`${name} raw TCP`, family, 3, 6, 1, 2),
      socket(`${name} raw ICMP`, family, 3, 1, 1, 2),
      socket(`${name} ping`, family, 2, family === 2 ? 1 : 58, 1, 2),
      socket(`${name} SCTP`, family, 1, 132, 1, 2),
      socket(`${name} MPTCP`, family, 1, 262, 1, 2),
      socket(`${name} UDP-Lite`, family, 2, 136, 1, 2),
      socket(`${name} SCTP packets`, family, 5, 132, 1),
      socket(`${name} DCCP`, family, 6, 33, 1),
    ]
  }),
]

export const REFUSED_CALLS: readonly RefusedCall[] = [
  ...calls('keyrings', [
    ['add_key', ['"user', '"d', '"p', 1, -2], OK],
    ['keyctl', [0, -3, 1], OK],
    ['request_key', ['"user', '"nothing', 0, 0], 'ENOKEY'],
  ]),
  ...calls('bpf', [['bpf', [0, '#02000000040000000400000001000000', 16], OK]]),
  ...calls('userfaultfd', [['userfaultfd', [1], OK]], 'ENOSYS'),
  ...calls(
    'io_uring and aio',
    [
      ['io_uring_setup', [4, '@120'], OK],
      ['io_uring_enter', [-1, 1, 0, 0, 0, 0], 'EBADF'],
      ['io_uring_register', [-1, 99, 0, 0], 'EBADF', 'EINVAL'],
      ['io_setup', [1, '@8'], OK],
    ],
    'ENOSYS',
  ),
  ...calls('splice', [['splice', [-1, 0, -1, 0, 1, 0], 'EBADF']], 'EINVAL'),
  ...calls(
    'splice',
    [
      ['tee', [-1, -1, 1, 0], 'EBADF'],
      ['vmsplice', [-1, 0, 0, 0], 'EBADF'],
    ],
    'ENOSYS',
  ),
  ...calls('perf', [['perf_event_open', [`#0100000070000000${'00'.repeat(104)}`, 0, -1, -1, 0], OK, 'ENOENT']]),
  ...calls('other processes', [
    ['ptrace', [0, 0, 0, 0], OK],
    ['process_vm_readv', ['pid', '@16', 1, '@16', 1, 0], OK],
    ['process_vm_writev', ['pid', '@16', 1, '@16', 1, 0], OK],
    ['pidfd_getfd', [-1, 0, 0], 'EBADF'],
    ['kcmp', ['pid', 'pid', 0, 0, 0], OK],
  ]),
  {
    group: 'other processes',
    call: 'prlimit64',
    operands: ['pid', 7, 0, 0],
    reached: [OK],
    when: [{ index: 0, value: 0, op: 'SCMP_CMP_NE' }],
  },
  ...Object.entries(NAMESPACES).map(([name, flag]): RefusedCall => ({
    group: 'namespaces',
    call: `unshare ${name}`,
    operands: [flag],
    reached: [OK],
  })),
  { group: 'namespaces', call: 'unshare NEWTIME', operands: [0x80], reached: [OK] },
  ...calls('namespaces', [['setns', [-1, 0], 'EBADF']]),
  ...Object.entries(NAMESPACES).map(([name, flag]): RefusedCall => ({
    group: 'namespaces',
    call: `clone ${name}`,
    operands: [flag + SIGCHLD, 0, 0, 0, 0],
    reached: [OK],
    when: [isEqual(0, flag, flag)],
  })),
  {
    group: 'namespaces',
    call: 'clone UNTRACED',
    operands: [0x800000 + SIGCHLD, 0, 0, 0, 0],
    reached: [OK],
    when: [isEqual(0, 0x800000, 0x800000)],
  },
  ...calls('namespaces', [['clone3', [`#${'00'.repeat(32)}11${'00'.repeat(31)}`, 64], OK]], 'ENOSYS'),
  ...calls('mounts', [
    ['mount', ['"none', '"/tmp', '"tmpfs', 0, 0], OK],
    ['umount2', ['"/missing', 0], 'ENOENT'],
    ['pivot_root', ['"/', '"/'], 'EBUSY', 'EINVAL'],
    ['chroot', ['"/'], OK],
    ['fsopen', ['"tmpfs', 0], OK],
    ['fsconfig', [-1, 0, 0, 0, 0], 'EBADF', 'EINVAL'],
    ['fsmount', [-1, 0, 0], 'EBADF'],
    ['fspick', [-100, '"/', 0], OK],
    ['move_mount', [-100, '"/missing', -100, '"/missing', 0], 'ENOENT'],
    ['open_tree', [-100, '"/', 1], OK],
    ['mount_setattr', [-100, '"/', 0, '@32', 32], OK],
  ]),
  ...calls('file handles', [
    ['name_to_handle_at', [-100, '"/', '@64', '@8', 0], 'EOVERFLOW', 'EOPNOTSUPP'],
    ['open_by_handle_at', [-100, '@64', 0], 'EINVAL', 'ESTALE'],
  ]),
  ...calls('kernel code', [
    ['kexec_load', [0, 0, 0, 0x8000ffff], 'EINVAL', 'ENOSYS'],
    ['kexec_file_load', [-1, -1, 0, 0, 0xffff], 'EINVAL', 'ENOSYS'],
    ['init_module', [0, 0, '"'], 'ENOEXEC', 'EFAULT', 'ENOSYS'],
    ['finit_module', [-1, '"', 0], 'EBADF', 'ENOEXEC', 'ENOSYS'],
    ['delete_module', ['"missing', 0x800], 'ENOENT', 'ENOSYS'],
  ]),
  ...calls('whole machine', [
    ['reboot', [0, 0, 0, 0], 'EINVAL'],
    ['swapon', ['"/missing', 0], 'ENOENT'],
    ['acct', ['"/missing'], 'ENOENT', 'ENOSYS'],
    ['settimeofday', [0, 0], OK],
    ['clock_settime', [0, 0], 'EFAULT'],
    ['adjtimex', ['@208'], OK],
    ['sethostname', ['"x', 1], OK],
    ['setdomainname', ['"x', 1], OK],
    ['syslog', [10, 0, 0], OK],
    ['quotactl', [0x800002, 0, 0, 0], 'ENODEV', 'EINVAL', 'ENOSYS', OK],
    ['fanotify_init', [0, 0], OK, 'ENOSYS'],
  ]),
  ...calls('processor', [
    ['iopl', [3], OK, 'ENOSYS'],
    ['ioperm', [0x80, 1, 1], OK, 'ENOSYS'],
    ['modify_ldt', [0, 0, 0], OK],
    ['sched_setscheduler', [0, 3, '#00000000'], OK],
  ]),
  {
    group: 'personality',
    call: 'personality ADDR_NO_RANDOMIZE',
    operands: [0x40000],
    reached: [OK],
    when: [isEqual(0, 0x40000)],
  },
  {
    group: 'personality',
    call: 'personality READ_IMPLIES_EXEC',
    operands: [0x400000],
    reached: [OK],
    when: [isEqual(0, 0x400000)],
  },
  ...calls(
    'sandboxes of its own',
    [
      ['memfd_secret', [0], OK, 'ENOSYS'],
      ['landlock_create_ruleset', [0, 0, 1], OK, 'EOPNOTSUPP'],
      ['seccomp', [2, 0, '#00000000'], OK],
    ],
    'ENOSYS',
  ),
  {
    group: 'sandboxes of its own',
    call: 'prctl PR_SET_SECCOMP',
    operands: [22, 2, 0],
    reached: ['EFAULT'],
    when: [isEqual(0, 22)],
  },
  {
    group: 'processor',
    call: 'prctl PR_SET_SPECULATION_CTRL',
    operands: [53, 99, 0, 0, 0],
    reached: ['ENODEV', 'EINVAL'],
    when: [isEqual(0, 53)],
  },
  {
    group: 'sandboxes of its own',
    call: 'prctl PR_SET_MM',
    operands: [35, 99, 0],
    reached: ['EINVAL', 'EPERM'],
    when: [isEqual(0, 35)],
  },
  {
    group: 'devices',
    call: 'mknod character',
    operands: ['"/work/c', 0x2000 + 0o666, 0x101],
    reached: [OK],
    when: [isEqual(1, 0x2000, 0xf000)],
  },
  {
    group: 'devices',
    call: 'mknod block',
    operands: ['"/work/b', 0x6000 + 0o666, 0x800],
    reached: [OK],
    when: [isEqual(1, 0x6000, 0xf000)],
  },
  {
    group: 'devices',
    call: 'mknodat character',
    operands: [-100, '"/work/d', 0x2000 + 0o666, 0x101],
    reached: [OK],
    when: [isEqual(2, 0x2000, 0xf000)],
  },
  ...SOCKETS,
]

/** What builds do need: the profile must not be in the way. */
export const ALLOWED_CALLS: readonly { readonly call: string; readonly operands: readonly (string | number)[] }[] = [
  { call: 'socket AF_UNIX', operands: [1, 1, 0] },
  { call: 'socket AF_INET TCP', operands: [2, 1 + 0o2000000, 6] },
  { call: 'socket AF_INET default', operands: [2, 1 + 0o4000, 0] },
  { call: 'socket AF_INET UDP', operands: [2, 2, 17] },
  { call: 'socket AF_INET6 TCP', operands: [10, 1, 0] },
  { call: 'socket AF_NETLINK ROUTE', operands: [16, 3, 0] },
  { call: 'socketpair', operands: [1, 1, 0, '@8'] },
  { call: 'mknodat FIFO', operands: [-100, '"/work/fifo', 0x1000 + 0o600, 0] },
  { call: 'mknodat file', operands: [-100, '"/work/file', 0x8000 + 0o600, 0] },
  { call: 'personality', operands: [0xffffffff] },
  { call: 'prctl PDEATHSIG', operands: [1, 9, 0, 0, 0] },
  { call: 'prctl DUMPABLE', operands: [4, 0, 0, 0, 0] },
  { call: 'prctl SUBREAPER', operands: [36, 1, 0, 0, 0] },
  { call: 'close_range', operands: [100, 200, 0] },
  { call: 'signalfd4', operands: [-1, '@8', 8, 0] },
  { call: 'timerfd_create', operands: [7, 0] },
  { call: 'pidfd_open', operands: ['pid', 0] },
  { call: 'memfd_create', operands: ['"x', 0] },
  { call: 'clone', operands: [SIGCHLD, 0, 0, 0, 0] },
]
