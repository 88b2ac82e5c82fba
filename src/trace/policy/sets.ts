/**
 * What the ready-made sets of trace policies hold.
 *
 * A set holds what an ordinary program touches without meaning to: found by running C, C++, node, Python, Perl, Java, shells,
 * git, gcc and make under strace and looking what falls outside. What tells about users or other tenants is in none of them:
 * `/etc/passwd` and `/etc/group` (which `ls -l`, `id`, `whoami`, `~` without HOME and `os.userInfo()` read), `/etc/shadow`,
 * `/root`, `/home`, `/var`, private keys, and the `/proc` folders of other processes.
 */
import {
  parseGlob,
  parsePath,
  parseRegExp,
  type PathPattern,
  type TracePathList,
  type TraceSetName,
} from '../../options/index.js'
import type { PolicyContext } from '../policy.js'

/** The paths of a folder, without repeating its name. Words are separated by spaces. */
function below(folder: string, names: string): string[] {
  return names.split(' ').map((name) => `${folder}/${name}`)
}

/**
 * `/proc/self` stands for the process that is judged. The other files of `/proc` are what runtimes size themselves by: CPUs
 * (libuv, glibc, Go), memory (node, JVM), limits (glibc, Go), the kernel's version (libuv). `/proc/mounts` is a link to the
 * process's own. `cmdline`, `interrupts`, `kallsyms`, `config.gz` and `net` tell about the host and are left out.
 */
const KERNEL_FILES = [
  ...['/proc/self', '/proc/thread-self'],
  ...below('/proc', 'cgroups cpuinfo filesystems loadavg meminfo mounts stat uptime version version_signature vmstat'),
  ...below('/proc/sys/kernel', 'cap_last_cap hostname ngroups_max osrelease ostype pid_max random threads-max version'),
  ...below('/proc/sys/vm', 'max_map_count mmap_min_addr overcommit_memory'),
  ...below('/proc/sys/fs', 'file-max nr_open pipe-max-size'),
  ...below('/proc/sys/net/core', 'somaxconn'),
  // CPU quotas and memory limits: node, the JVM and Go read their own.
  '/sys/fs/cgroup',
  ...below('/sys/devices/system', 'cpu node'),
  // Allocators: glibc, jemalloc, the JVM.
  ...below('/sys/kernel/mm', 'hugepages transparent_hugepage'),
  // SQLite, editors and mktemp look whether it can be used; nothing in it belongs to the sandbox.
  '/var/tmp',
]

/** Files of its own that a process writes to: its name, its place in the OOM killer's order, its output by its descriptor. */
const OWN_WRITABLE = below('/proc/self', 'comm coredump_filter fd oom_score_adj timerslack_ns')

/** Devices that the engine puts into every container, by name: another one in `/dev` is no ordinary sight. */
const DEVICES = [
  ...below('/dev', 'null zero full random urandom tty console ptmx pts stdin stdout stderr shm'),
  // A link to /proc/self/fd. What is behind a descriptor has a path of its own.
  '/dev/fd/*',
]

/** Open pipes, sockets and the like have no path; the kernel names them so when they are opened once more by their descriptor. */
const UNNAMED = /^(?:pipe:\[\d+\]|socket:\[\d+\]|anon_inode:[^/]+)$/

/**
 * What packages install to be read by everybody. Of `/etc` single files: the loader's and the C library's (ld.so(8),
 * nsswitch.conf(5), gai.conf(5)), time and language, certificates without `/etc/ssl/private`, and what interpreters, shells
 * and git read at their start.
 */
const LIBRARIES = [
  ...below('', 'lib lib32 lib64 libx32'),
  ...below('/usr', 'lib lib32 lib64 libx32 include share'),
  ...below('/usr/local', 'lib lib32 lib64 libx32 include share'),
  // Compilers for other machines; gcc looks there for its own as well.
  ...below('/usr', '*-linux-gnu* *-linux-gnu*/**'),
  ...below('/etc', 'ld.so.cache ld.so.preload ld.so.conf ld.so.conf.d ld-musl-*.path alternatives'),
  ...below('/etc', 'nsswitch.conf gai.conf host.conf hosts hostname resolv.conf services protocols networks rpc'),
  ...below('/etc', 'localtime timezone locale.alias locale.conf locale.gen default/locale'),
  ...below('/etc/ssl', 'certs openssl.cnf cert.pem ct_log_list.cnf'),
  ...below('/etc/pki', 'ca-trust tls/certs tls/cert.pem tls/openssl.cnf'),
  ...below('/etc', 'ca-certificates ca-certificates.conf crypto-policies gnutls'),
  ...below('/etc', 'terminfo inputrc mime.types magic magic.mime fonts os-release debian_version mtab'),
  ...below('/etc', 'profile profile.d bash.bashrc bashrc environment gitconfig npmrc perl'),
  ...below('/etc', 'python3* python3*/** java-* java-*/**'),
  ...below('/usr/etc', 'gitconfig npmrc'),
  '/usr/local/etc/{gitconfig,npmrc}',
]

/** Folders of programs (hier(7)), and those of the parts of programs: compilers' passes, git's commands. */
const PROGRAMS = [
  ...below('', 'bin sbin'),
  ...below('/usr', 'bin sbin libexec games lib/gcc lib/git-core'),
  ...below('/usr/local', 'bin sbin libexec'),
]

/** Where the supervisor, its node and its loader are; the init and the launch stage of a command execute from there. */
const SUPERVISOR = '/.sandbox'

const FIXED: Readonly<
  Record<'@runtime' | '@devices' | '@libraries' | '@programs', Record<TracePathList, PathPattern[]>>
> = {
  '@runtime': { read: paths([SUPERVISOR, ...KERNEL_FILES]), write: paths(OWN_WRITABLE), exec: paths([SUPERVISOR]) },
  // Nothing is executed from a device or from shared memory.
  '@devices': { read: devices(), write: devices(), exec: [] },
  '@libraries': sameForAll(LIBRARIES),
  '@programs': sameForAll(PROGRAMS),
}

/** @returns what a set stands for in one list of one sandbox */
export function expandSet(set: TraceSetName, list: TracePathList, context: PolicyContext): readonly PathPattern[] {
  switch (set) {
    case '@home':
      return context.home.map(covers)
    case '@scratch':
      return context.scratch.map(covers)
    case '@mounts':
      return context.mounts.filter(({ writable }) => list !== 'write' || writable).map(({ target }) => covers(target))
    case '@caches':
      return ['/', ...context.home, ...context.mounts.map(({ target }) => target)].flatMap(caches)
    default:
      return FIXED[set][list]
  }
}

/** `__pycache__` right at the root beside the home's own files, and anywhere in the home's and mounts' folders. */
function caches(folder: string): PathPattern[] {
  if (folder === '/') return [covers('/__pycache__')]
  return BELOW_CACHES.map((parts) => ({ kind: 'glob', folder, parts }))
}

/** What follows a folder in which Python keeps its caches; the same parts for each folder, so that they are compiled once. */
const BELOW_CACHES = [parseGlob('/**/__pycache__'), parseGlob('/**/__pycache__/**')]

/** A path of a context, whatever characters it has. */
function covers(path: string): PathPattern {
  return { kind: 'path', path }
}

function devices(): PathPattern[] {
  const unnamed = parseRegExp(UNNAMED)
  return [...paths(DEVICES), ...(unnamed === null ? [] : [unnamed])]
}

function sameForAll(texts: readonly string[]): Record<TracePathList, PathPattern[]> {
  const patterns = paths(texts)
  return { read: patterns, write: patterns, exec: patterns }
}

function paths(texts: readonly string[]): PathPattern[] {
  return texts.map(parsePath)
}
