/**
 * The calls that trace mode sees: all that name a file or a program, change names, owners or modes (by descriptor too),
 * use the address of a socket, make a socket or a process, or send a signal.
 *
 * Left out on purpose: what only looks at an open descriptor (`fstat`, `fgetxattr`), because the name was seen when it
 * was opened; `accept` and `listen`, whose address `bind` told; `exit`, because the log says when a thread ends;
 * `memfd_create`, `fsopen` and `fsmount`, which name nothing that another process could find.
 * The rows are those of strace 6.1 for x86_64 and arm64, and for the 32-bit entries of x86_64.
 */
import type { TraceAccess, TraceMode } from '../event.js'
import type { AddressCall, NameArgument, NamingCall, OpeningCall, TracedCall } from './shapes.js'

type Place = readonly [path: number | null, dirfd?: number | null, flags?: NameArgument['flags']]

function argument(mode: TraceMode, access: TraceAccess, [path, dirfd = null, flags = null]: Place): NameArgument {
  return { mode, access, path, dirfd, flags }
}

const naming = (...names: NameArgument[]): NamingCall => ({ does: 'name', names })
const looks = (...place: Place) => naming(argument('metadata', 'read', place))
const alters = (...place: Place) => naming(argument('metadata', 'write', place))
const writes = (...place: Place) => naming(argument('write', 'write', place))
const creates = (...place: Place) => naming(argument('create', 'write', place))
const removes = (...place: Place) => naming(argument('remove', 'write', place))
const runs = (...place: Place) => naming(argument('exec', 'exec', place))
const renames = (from: Place, to: Place) => naming(argument('rename', 'write', from), argument('rename', 'write', to))
const links = (from: Place, to: Place) => naming(argument('read', 'read', from), argument('create', 'write', to))
const mounts = (from: Place, to: Place) => naming(argument('metadata', 'read', from), argument('metadata', 'write', to))
const opens = (path: number | null, dirfd: number | null, flags: number | null): OpeningCall => ({
  does: 'open',
  path,
  dirfd,
  flags,
})
const uses = (mode: AddressCall['mode'], place: number, within: AddressCall['within'] = 'argument'): AddressCall => ({
  does: 'address',
  mode,
  argument: place,
  within,
})
const signals = (target: number, signal: number): TracedCall => ({ does: 'signal', target, signal })

/** Where Linux shows the message queues of POSIX (mq_overview(7)); the kernel gets their names without a slash. */
const QUEUES = '/dev/mqueue/'

const TABLE: Readonly<Record<string, TracedCall>> = {
  access: looks(0),
  acct: alters(0),
  bind: uses('bind', 1),
  chdir: looks(0),
  chmod: alters(0),
  chown: alters(0),
  chown32: alters(0),
  chroot: looks(0),
  clone: { does: 'start', flags: 1 },
  clone3: { does: 'start', flags: 0 },
  connect: uses('connect', 1),
  creat: opens(0, null, null),
  execve: runs(0),
  execveat: runs(1, 0, 4),
  faccessat: looks(1, 0),
  faccessat2: looks(1, 0, 3),
  fanotify_mark: looks(4, 3),
  fchdir: looks(null, 0),
  fchmod: alters(null, 0),
  fchmodat: alters(1, 0),
  fchown: alters(null, 0),
  fchown32: alters(null, 0),
  fchownat: alters(1, 0, 4),
  fork: { does: 'start', flags: null },
  fremovexattr: alters(null, 0),
  fsconfig: {
    ...looks(3, 4, 'always'),
    onlyWhen: { argument: 1, values: ['FSCONFIG_SET_PATH', 'FSCONFIG_SET_PATH_EMPTY'] },
  },
  fsetxattr: alters(null, 0),
  fspick: looks(1, 0, 2),
  fstatat64: looks(1, 0, 3),
  ftruncate: writes(null, 0),
  ftruncate64: writes(null, 0),
  futimesat: alters(1, 0),
  getxattr: looks(0),
  inotify_add_watch: looks(1),
  kill: signals(0, 1),
  lchown: alters(0),
  lchown32: alters(0),
  lgetxattr: looks(0),
  link: links([0], [1]),
  linkat: links([1, 0, 4], [3, 2]),
  listxattr: looks(0),
  llistxattr: looks(0),
  lremovexattr: alters(0),
  lsetxattr: alters(0),
  lstat: looks(0),
  lstat64: looks(0),
  mkdir: creates(0),
  mkdirat: creates(1, 0),
  mknod: creates(0),
  mknodat: creates(1, 0),
  mount: mounts([0], [1]),
  mount_setattr: alters(1, 0, 2),
  move_mount: mounts([1, 0, 4], [3, 2, 4]),
  mq_open: { ...opens(0, null, 1), prefix: QUEUES },
  mq_unlink: { ...removes(0), prefix: QUEUES },
  name_to_handle_at: looks(1, 0, 4),
  newfstatat: looks(1, 0, 3),
  oldlstat: looks(0),
  oldstat: looks(0),
  open: opens(0, null, 1),
  open_by_handle_at: opens(null, 0, 2),
  open_tree: looks(1, 0, 2),
  openat: opens(1, 0, 2),
  openat2: opens(1, 0, 2),
  pidfd_send_signal: signals(0, 1),
  pivot_root: naming(argument('metadata', 'write', [0]), argument('metadata', 'write', [1])),
  quotactl: alters(1),
  readlink: looks(0),
  readlinkat: looks(1, 0, 'always'),
  removexattr: alters(0),
  rename: renames([0], [1]),
  renameat: renames([1, 0], [3, 2]),
  renameat2: renames([1, 0], [3, 2]),
  rmdir: removes(0),
  rt_sigqueueinfo: signals(0, 1),
  rt_tgsigqueueinfo: signals(1, 2),
  sendmmsg: uses('connect', 1, 'messages'),
  sendmsg: uses('connect', 1, 'message'),
  sendto: uses('connect', 4),
  setxattr: alters(0),
  socket: { does: 'socket' },
  socketpair: { does: 'socket' },
  stat: looks(0),
  stat64: looks(0),
  statfs: looks(0),
  statfs64: looks(0),
  statx: looks(1, 0, 2),
  swapoff: alters(0),
  swapon: alters(0),
  symlink: creates(1),
  symlinkat: creates(2, 1),
  tgkill: signals(1, 2),
  tkill: signals(0, 1),
  truncate: writes(0),
  truncate64: writes(0),
  umount: alters(0),
  umount2: alters(0),
  unlink: removes(0),
  unlinkat: removes(1, 0),
  unshare: { does: 'unshare' },
  uselib: naming(argument('read', 'read', [0])),
  utime: alters(0),
  utimensat: alters(1, 0, 3),
  utimensat_time64: alters(1, 0, 3),
  utimes: alters(0),
  vfork: { does: 'start', flags: null },
}

/** Their numbers are the same on every architecture (syscall.tbl of Linux). */
const NEWER: readonly (readonly [name: string, number: number, call: TracedCall])[] = [
  ['fchmodat2', 452, alters(1, 0, 3)],
  ['setxattrat', 463, alters(1, 0, 2)],
  ['getxattrat', 464, looks(1, 0, 2)],
  ['listxattrat', 465, looks(1, 0, 2)],
  ['removexattrat', 466, alters(1, 0, 2)],
  ['open_tree_attr', 467, looks(1, 0, 2)],
  ['file_getattr', 468, looks(1, 0, 4)],
  ['file_setattr', 469, alters(1, 0, 4)],
]

/** The names of the traced calls, sorted; images/runner/init/traced-calls.h is the same list for the kernel's filter. */
export const TRACED_CALLS: readonly string[] = Object.keys(TABLE)

/**
 * Calls that name files and are newer than strace 6.1, with their numbers: in `named` mode the guest gets ENOSYS for
 * them (images/runner/init/newer-calls.h), because that strace can neither select nor print them.
 */
export const NEWER_CALLS: ReadonlyMap<string, number> = new Map(NEWER.map(([name, number]) => [name, number]))

/** What strace's `-e trace=` takes: `?` before each name, because no architecture has all of them. */
export const TRACE_SET = TRACED_CALLS.map((name) => `?${name}`).join(',')

const calls = new Map<string, TracedCall>([
  ...Object.entries(TABLE),
  ...NEWER.map(([name, , call]) => [name, call] as const),
  // A strace that does not know the call prints its number, and its arguments as numbers.
  ...NEWER.map(([, number, call]) => [`syscall_0x${number.toString(16)}`, call] as const),
])

/** How the call is to be read; `undefined` for a call that is not in the table. */
export function tracedCall(name: string): TracedCall | undefined {
  return calls.get(name)
}
