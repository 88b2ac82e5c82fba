import { describe, expect, test } from 'vitest'
import { COMMAND, interpret, policyOf } from './interpret-lines.js'

const MARKER = 'access("/.sandbox/command/8", F_OK) = -1 ENOENT (x)'
const NOTHING = policyOf({})

describe('our own processes', () => {
  test('give no events: init, what it makes, and a command before its first execve', () => {
    const { events } = interpret([
      '1 openat(AT_FDCWD</>, "/proc/self/status", O_RDONLY) = 3</proc/1/status>',
      '1 fork() = 10',
      '10 execve("/shovel", ["shovel"], 0x7ff) = 0',
      '10 openat(AT_FDCWD</>, "/shovel.js", O_RDONLY) = 3</shovel.js>',
      '10 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0}, 88) = 11',
      '11 socket(AF_INET, SOCK_STREAM, 0) = 3<socket:[1]>',
      '11 kill(12, SIGKILL) = 0',
      '11 +++ exited with 0 +++',
    ])
    expect(events).toEqual([])
  })

  test('a command starts in the folder that it is taken to, and only its attempts to execute are told', () => {
    const { events, commands } = interpret([
      ...COMMAND.slice(0, 4),
      '11 open("/proc/self/oom_score_adj", O_RDWR) = 3</proc/11/oom_score_adj>',
      '11 execve("./no", ["no"], 0x7ff) = -1 ENOENT (x)',
      '11 execve("./sh", ["sh"], 0x7ff) = 0',
      '11 open("a", O_RDONLY) = -1 EACCES (x)',
      '11 +++ exited with 0 +++',
      '10 +++ exited with 0 +++',
    ])
    expect(
      events.map((event) => (event.kind === 'access' ? `${event.mode} ${event.path ?? '?'}` : event.kind)),
    ).toEqual(['start', 'exec /work/no', 'exec /work/sh', 'read /work/a', 'exit'])
    expect(events.every((event) => event.kind !== 'unknown' && event.commandId === 7)).toBe(true)
    expect(commands).toEqual(['7 by 10', '7 ended'])
  })

  test('alone are believed when they name a command', () => {
    expect(interpret([...COMMAND, `11 ${MARKER}`, '11 fork() = 12', `12 ${MARKER}`]).commands).toEqual(['7 by 10'])
    expect(interpret([...COMMAND, `10 ${MARKER}`]).commands).toEqual(['7 by 10'])
    expect(interpret([`1 ${MARKER}`]).commands).toEqual([])
    const onArm64 = MARKER.replace('access(', 'faccessat(AT_FDCWD</>, ')
    expect(interpret(['1 fork() = 10', `10 ${onArm64}`]).commands).toEqual(['8 by 10'])
  })

  test('are not made by guests, whoever their parent is', () => {
    const orphan = ['11 clone(child_stack=NULL, flags=CLONE_PARENT|SIGCHLD) = 12', '12 open("/x", O_RDONLY) = 3</x>']
    expect(interpret([...COMMAND, ...orphan], { policy: NOTHING }).events.at(-1)).toMatchObject({ allowed: false })
  })

  test('are counted apart', () => {
    const { interpreter } = interpret([...COMMAND, '11 stat("a", 0x7ff) = 0', '11 stat("b", 0x7ff) = 0'])
    expect([...interpreter.syscalls]).toEqual([['stat', 2]])
    expect(Object.fromEntries(interpreter.ownSyscalls)).toEqual({ fork: 2, access: 1, chdir: 1, execve: 1 })
  })
})

describe('a thread that can be ours or a guest’s', () => {
  const OPEN = 'open("/x", O_RDONLY) = 3</x>'
  const BOTH = [...COMMAND, '11 vfork( <unfinished ...>', '1 fork( <unfinished ...>', `20 ${MARKER}`, `12 ${OPEN}`]
  const openedBy = (lines: readonly string[]) =>
    interpret(lines, { policy: NOTHING })
      .accesses.filter(({ path }) => path === '/x')
      .map(({ pid }) => pid)

  test('waits until init names its child', () => {
    expect(openedBy(BOTH)).toEqual([])
    const named = [...BOTH, '1 <... fork resumed>) = 20']
    expect(openedBy(named)).toEqual([12])
    expect(interpret(named).commands).toEqual(['7 by 10', '8 by 20'])
  })

  test('is a guest when init did not make it', () => {
    expect(openedBy([...BOTH, `20 ${OPEN}`, '1 <... fork resumed>) = 12'])).toEqual([20])
    expect(openedBy([...BOTH, '1 <... fork resumed>) = -1 EAGAIN (x)'])).toEqual([12])
    expect(openedBy([...COMMAND, '10 fork( <unfinished ...>', `12 ${OPEN}`, '10 +++ killed by SIGKILL +++'])).toEqual([
      12,
    ])
  })

  test('is a guest when it says too much', () => {
    const flood = Array.from({ length: 10_001 }, () => `12 ${OPEN}`)
    expect(openedBy([...BOTH, ...flood])).toHaveLength(10_002)
  })

  test('keeps the order of what it does', () => {
    const lines = ['12 fchdir(3</a>) = 0', '12 stat("x", 0x7ff) = 0', '12 fork() = 13', '13 stat("y", 0x7ff) = 0']
    const told = interpret([...BOTH, ...lines, '1 <... fork resumed>) = 20', '11 <... vfork resumed>) = 12'])
    expect(told.accesses.slice(-3).map(({ path, commandId }) => [path, commandId])).toEqual([
      ['/x', 7],
      ['/a/x', 7],
      ['/a/y', 7],
    ])
  })
})
