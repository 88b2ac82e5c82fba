import { describe, expect, test } from 'vitest'
import { interpretCall, summarizeCall } from './interpret-lines.js'

const AT = 'AT_FDCWD</work>'

/** Call, then what it does: `mode access path`. */
const CALLS: readonly (readonly [call: string, ...names: string[]])[] = [
  ['open("a", O_RDONLY) = 3</work/a>', 'read read /work/a by descriptor'],
  ['open("a", O_RDONLY) = -1 ENOENT (No such file or directory)', 'read read /work/a'],
  [`openat(${AT}, "../etc/./passwd", O_RDONLY|O_CLOEXEC) = -1 EACCES (Permission denied)`, 'read read /etc/passwd'],
  [`openat(${AT}, "a", O_WRONLY|O_TRUNC) = 3</work/a>`, 'write write /work/a by descriptor'],
  [`openat(${AT}, "a", O_RDWR) = 3</work/a>`, 'write write /work/a by descriptor'],
  [`openat(${AT}, "a", O_RDONLY|O_TRUNC) = 3</work/a>`, 'write write /work/a by descriptor'],
  [`openat(${AT}, "a", O_ACCMODE) = 3</work/a>`, 'write write /work/a by descriptor'],
  [`openat(${AT}, "a", O_WRONLY|O_CREAT, 0644) = 3</work/a>`, 'create write /work/a by descriptor'],
  [`openat(${AT}, "a", O_RDONLY|O_CREAT, 0644) = -1 EROFS (Read-only)`, 'create write /work/a'],
  [`openat(${AT}, "/tmp", O_RDWR|O_TMPFILE, 0600) = 3</tmp/#5>(deleted)`, 'create write /tmp/#5 by descriptor'],
  [`openat(${AT}, "a", O_RDWR|O_CREAT|O_PATH) = 3</work/a>`, 'metadata read /work/a by descriptor'],
  ['openat(5</srv>, "a", O_RDONLY) = -1 EPERM (x)', 'read read /srv/a'],
  ['openat(5</srv>, "/a", O_RDONLY) = -1 EPERM (x)', 'read read /a'],
  ['openat(5<socket:[77]>, "a", O_RDONLY) = -1 ENOTDIR (x)', 'read read ?'],
  [`openat(${AT}, "/proc/self/fd/1", O_WRONLY) = 3<pipe:[4]>`, 'write write /proc/11/fd/1'],
  [
    `openat2(${AT}, "a", {flags=O_RDWR|O_CREAT, mode=0600, resolve=0}, 24) = 3</work/a>`,
    'create write /work/a by descriptor',
  ],
  ['creat("a", 0600) = -1 EACCES (x)', 'create write /work/a'],
  ['open_by_handle_at(5</srv>, {handle_bytes=8}, O_RDONLY) = 6</etc/shadow>', 'read read /etc/shadow by descriptor'],
  ['mq_open("q", O_RDWR|O_CREAT, 0600, NULL) = 9</q>', 'create write /dev/mqueue/q'],
  ['mq_unlink("q") = 0', 'remove write /dev/mqueue/q'],
  ['stat("a", {st_mode=S_IFREG|0644, st_size=1, ...}) = 0', 'metadata read /work/a'],
  ['stat("/proc/thread-self/maps", 0x1) = -1 EFAULT (x)', 'metadata read /proc/11/maps'],
  ['newfstatat(3</etc/x>, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0'],
  ['newfstatat(3</etc>, "x", 0x7ff, AT_SYMLINK_NOFOLLOW) = -1 ENOENT (x)', 'metadata read /etc/x'],
  ['statx(0</dev/null>, NULL, AT_STATX_SYNC_AS_STAT, 0, NULL) = -1 EFAULT (Bad address)'],
  ['readlinkat(3</etc/x>, "", 0x7ff, 10) = -1 ENOENT (x)'],
  ['chmod("a", 0600) = 0', 'metadata write /work/a'],
  ['fchmod(3</etc/x>, 0600) = -1 EPERM (x)', 'metadata write /etc/x by descriptor'],
  ['fchmod(3<socket:[1]>, 0600) = 0'],
  ['ftruncate(3</memfd:x>(deleted), 10) = 0'],
  ['ftruncate(3</tmp/x>(deleted), 10) = 0', 'write write /tmp/x by descriptor'],
  ['fchownat(3</etc/x>, "", 0, 0, AT_EMPTY_PATH) = 0', 'metadata write /etc/x by descriptor'],
  ['utimensat(3</etc/x>, NULL, NULL, 0) = 0', 'metadata write /etc/x by descriptor'],
  ['fsetxattr(3</etc/x>, "user.a", "b", 1, 0) = 0', 'metadata write /etc/x by descriptor'],
  [`utimensat(${AT}, "a", NULL, 0) = 0`, 'metadata write /work/a'],
  ['truncate("a", 4) = 0', 'write write /work/a'],
  ['mkdir("a", 0700) = 0', 'create write /work/a'],
  ['mknodat(5</srv>, "a", S_IFIFO|0600) = 0', 'create write /srv/a'],
  [`unlinkat(${AT}, "d", AT_REMOVEDIR) = 0`, 'remove write /work/d'],
  ['rmdir("d/") = 0', 'remove write /work/d'],
  ['rename("a", "/b") = 0', 'rename write /work/a', 'rename write /b'],
  [`renameat2(5</srv>, "a", ${AT}, "b", RENAME_EXCHANGE) = 0`, 'rename write /srv/a', 'rename write /work/b'],
  ['link("a", "b") = 0', 'read read /work/a', 'create write /work/b'],
  [`linkat(3</etc/x>, "", ${AT}, "b", AT_EMPTY_PATH) = 0`, 'read read /etc/x by descriptor', 'create write /work/b'],
  ['symlink("/etc/shadow", "b") = 0', 'create write /work/b'],
  ['symlinkat("/etc/shadow", 5</srv>, "b") = 0', 'create write /srv/b'],
  ['inotify_add_watch(4<anon_inode:inotify>, "a", IN_CREATE) = 1', 'metadata read /work/a'],
  ['mount("/a", "b", "x", MS_BIND, NULL) = -1 EPERM (x)', 'metadata read /a', 'metadata write /work/b'],
  ['fsconfig(3<anon_inode:[fscontext]>, FSCONFIG_SET_STRING, "source", "/a", 0) = 0'],
  [`fsconfig(3<anon_inode:[fscontext]>, FSCONFIG_SET_PATH, "source", "/a", ${AT}) = 0`, 'metadata read /a'],
  ['execve("./x", ["x"], 0x7ff /* 2 vars */) = -1 EACCES (x)', 'exec exec /work/x'],
  [
    'execveat(3</work/x>, "", ["x"], 0x7ff /* 2 vars */, AT_EMPTY_PATH) = -1 EACCES (x)',
    'exec exec /work/x by descriptor',
  ],
  [
    'execveat(3</memfd:x>(deleted), "", ["x"], 0x7ff, AT_EMPTY_PATH) = -1 EACCES (x)',
    'exec exec /memfd:x by descriptor',
  ],
  ['stat("", 0x7ff) = -1 ENOENT (x)', 'metadata read ?'],
  ['fstat(3</etc/x>, {st_mode=S_IFREG|0644, ...}) = 0'],
]

describe('the names of a call', () => {
  test.each(CALLS)('%s', (call, ...names) => {
    expect(summarizeCall(call)).toEqual(names)
  })

  test('are told as they were given, with the result and who did it', () => {
    const [event] = interpretCall(`openat(${AT}, "../lib/\\303\\244\\377", O_RDONLY) = 3</usr/lib/x>`)
    expect(event).toEqual({
      kind: 'access',
      seq: 3,
      timeMs: 1795000000005,
      pid: 11,
      processId: 11,
      commandId: 7,
      command: ['sh'],
      syscall: 'openat',
      mode: 'read',
      access: 'read',
      file: '../lib/ä\udcff',
      path: '/usr/lib/x',
      resolution: 'descriptor',
      result: 3,
      errno: null,
      allowed: true,
    })
  })

  test('that were cut are no paths', () => {
    expect(interpretCall('stat("/tmp/aaa"..., 0x7ff) = -1 ENAMETOOLONG (x)')).toMatchObject([
      { file: '/tmp/aaa', path: null, resolution: null },
    ])
  })

  test('of an address that strace could not read are that address', () => {
    expect(interpretCall('stat(0x1, 0x7ff) = -1 EFAULT (x)')).toMatchObject([{ file: '0x1', path: null }])
  })
})
