/** Events of a run as they could have come: a compiler with its helpers, a program that it made, and what was refused. */
import type { AccessEvent, TraceAccess, TraceEvent, TraceMode } from '../../../../src/trace/event.js'

export const START_MS = Date.UTC(2026, 2, 14, 9, 26, 53)

type Process = readonly [processId: number, command: readonly string[]]

let seq = 0

function base([processId, command]: Process, offsetMs: number) {
  seq += 1
  return { seq, timeMs: START_MS + offsetMs, pid: processId, processId, commandId: 1, command }
}

const ACCESS: Readonly<Partial<Record<TraceMode, TraceAccess>>> = { read: 'read', exec: 'exec', connect: 'connect' }

/** One use of a name. */
export function access(
  process: Process,
  offsetMs: number,
  mode: TraceMode,
  path: string,
  more: Partial<AccessEvent> = {},
): AccessEvent {
  const right = ACCESS[mode] ?? 'write'
  const syscall = mode === 'exec' ? 'execve' : mode === 'connect' ? 'connect' : 'openat'
  const errno = more.errno ?? null
  return {
    ...base(process, offsetMs),
    kind: 'access',
    syscall,
    mode,
    access: right,
    file: path,
    path,
    resolution: 'name',
    result: errno === null ? 3 : -1,
    errno,
    allowed: true,
    ...more,
  }
}

/** A process began. */
export function start(process: Process, offsetMs: number, parentId: number | null, thread = false): TraceEvent {
  return { ...base(process, offsetMs), kind: 'start', thread, parentId, exitCode: null, signal: null }
}

/** A process ended. */
export function exit(
  process: Process,
  offsetMs: number,
  exitCode: number | null = 0,
  signal: string | null = null,
): TraceEvent {
  return { ...base(process, offsetMs), kind: 'exit', thread: false, parentId: null, exitCode, signal }
}

/** Names that try what a page, a terminal or a reader could fall for. */
export const HOSTILE_NAMES = {
  script: '<script>document.title="owned"</script>',
  image: '<img src=x onerror="document.title=\'owned\'">',
  attribute: '" onmouseover="document.title=1" x="',
  single: "' autofocus onfocus='document.title=1",
  bidi: 'invoice\u202Etxt.exe',
  hebrew: '\u05d0\u05d1\u05d2/1.txt',
  bytes: 'raw-\udcff\udc80-name',
  control: 'line\nbreak\u001b[31mred\u0007\u009b',
  backslash: String.raw`literal-\xff\u202e`,
  close: '</style></script></title><h1>big</h1>',
  entity: '&lt;b&gt;&amp;',
  marks: `z${'\u0310'.repeat(40)}`,
  long: 'n'.repeat(4_096),
  url: 'http://evil.example/x.png',
} as const

/** An ordinary build, with a program that does what it should not at its end. */
export function buildEvents(): TraceEvent[] {
  seq = 0
  const events: TraceEvent[] = []
  const shell: Process = [7, ['sh', '-c', 'make && ./app']]
  const make: Process = [8, ['make', '-j2']]
  events.push(start(shell, 2, 1), access(shell, 3, 'exec', '/usr/bin/sh'))
  for (const library of ['/etc/ld.so.cache', '/usr/lib/x86_64-linux-gnu/libc.so.6'])
    events.push(access(shell, 4, 'read', library))
  events.push(start([8, shell[1]], 9, 7), access(make, 10, 'exec', '/usr/bin/make'))
  events.push(
    access(make, 14, 'read', '/Makefile'),
    access(make, 15, 'read', '/usr/include/GNUmakefile', { errno: 'ENOENT' }),
  )
  for (let unit = 0; unit < 12; unit += 1) {
    const at = 20 + Math.floor(unit / 2) * 46 + (unit % 2) * 5
    const cc: Process = [10 + 3 * unit, ['cc', '-O2', '-c', `unit${unit}.c`, '-o', `unit${unit}.o`]]
    const cc1: Process = [11 + 3 * unit, ['/usr/lib/gcc/x86_64-linux-gnu/12/cc1', '-quiet', `unit${unit}.c`]]
    const as: Process = [12 + 3 * unit, ['as', '-o', `unit${unit}.o`, `/tmp/cc${unit}.s`]]
    events.push(start([cc[0], make[1]], at, 8), access(cc, at + 1, 'exec', '/usr/bin/cc'))
    events.push(start([cc1[0], cc[1]], at + 3, cc[0]), access(cc1, at + 4, 'exec', cc1[1][0] ?? ''))
    for (const header of ['stdio.h', 'stdlib.h', 'bits/types.h', 'features.h', 'string.h'])
      events.push(access(cc1, at + 8, 'read', `/usr/include/${header}`))
    for (const folder of ['/usr/local/include', '/usr/lib/gcc/x86_64-linux-gnu/12/include'])
      events.push(access(cc1, at + 7, 'read', `${folder}/stdio.h`, { errno: 'ENOENT' }))
    events.push(access(cc1, at + 6, 'read', `/src/unit${unit}.c`), access(cc1, at + 20, 'create', `/tmp/cc${unit}.s`))
    events.push(exit(cc1, at + 30), start([as[0], cc[1]], at + 31, cc[0]), access(as, at + 32, 'exec', '/usr/bin/as'))
    events.push(access(as, at + 34, 'read', `/tmp/cc${unit}.s`), access(as, at + 36, 'write', `/src/unit${unit}.o`))
    events.push(
      exit(as, at + 40),
      access(cc, at + 41, 'remove', `/tmp/cc${unit}.s`),
      exit(cc, at + 42, unit === 7 ? 1 : 0),
    )
  }
  events.push(exit(make, 310))
  const app: Process = [60, ['./app', '--verbose', 'a name']]
  events.push(start([60, shell[1]], 318, 7), access(app, 319, 'exec', '/app'))
  events.push(access(app, 321, 'metadata', '/src', { access: 'read', syscall: 'newfstatat' }))
  events.push(access(app, 322, 'metadata', '/app', { syscall: 'fchmodat' }), access(app, 323, 'rename', '/src/unit0.o'))
  events.push(access(app, 330, 'write', '/usr/bin/ls', { errno: 'EROFS', allowed: false }))
  events.push(access(app, 334, 'read', '/etc/shadow', { errno: 'EACCES', allowed: false }))
  events.push(access(app, 335, 'connect', '169.254.169.254:80', { errno: 'ENETUNREACH', allowed: false }))
  events.push(access(app, 336, 'connect', 'unix:/run/docker.sock', { errno: 'ENOENT' }))
  events.push(
    access(app, 337, 'remove', '/root', { errno: 'EACCES' }),
    access(app, 338, 'remove', '/root', { errno: 'EACCES' }),
  )
  events.push({ ...base(app, 334), kind: 'socket', family: 'AF_INET', type: 'SOCK_STREAM|SOCK_CLOEXEC', errno: null })
  events.push({ ...base(app, 340), kind: 'kill', syscall: 'kill', target: 1, sent: 'SIGTERM', errno: 'EPERM' })
  events.push({ ...base(app, 341), kind: 'refused', syscall: 'bpf', architecture: 'x86_64', errno: 'EPERM' })
  events.push({ kind: 'unknown', seq: 0, text: '7 1795358863.174714 <... what is this' })
  events.push(exit(app, 360, null, 'SIGKILL'), exit(shell, 361, 137))
  return events
}

/** Every hostile name, as a file, a folder, a program, a socket and a command line. */
export function hostileEvents(): TraceEvent[] {
  const events: TraceEvent[] = []
  let at = 10
  for (const name of Object.values(HOSTILE_NAMES)) {
    const process: Process = [100 + at, ['sh', '-c', name]]
    events.push(start(process, at, 1), access(process, at + 1, 'exec', `/tmp/${name}`))
    events.push(access(process, at + 2, 'write', `/work/${name}/inner`, { errno: 'EACCES', allowed: false }))
    events.push(
      access(process, at + 3, 'read', name, { path: null }),
      access(process, at + 4, 'connect', `unix:${name}`),
    )
    events.push({ ...base(process, at + 4), kind: 'kill', syscall: 'kill', target: 1, sent: name, errno: null })
    events.push({ ...base(process, at + 4), kind: 'socket', family: name, type: name, errno: null })
    events.push({ ...base(process, at + 5), kind: 'refused', syscall: name, architecture: name, errno: name })
    events.push({ kind: 'unknown', seq: 0, text: name }, exit(process, at + 6, null, name))
    at += 10
  }
  return events
}
