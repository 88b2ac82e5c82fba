import { describe, expect, test } from 'vitest'
import { COMMAND, interpret, policyOf } from './interpret-lines.js'

const stat = (pid: number, name: string) => `${pid} stat("${name}", 0x7ff) = -1 ENOENT (x)`
const THREAD = 'clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, exit_signal=0} => {parent_tid=[12]}, 88)'

/** `path pid/process command` of each access behind the usual beginning. */
function pathsOf(lines: readonly string[]): readonly string[] {
  const before = interpret(COMMAND).accesses.length
  return interpret([...COMMAND, ...lines])
    .accesses.slice(before)
    .map(({ path, pid, processId, commandId }) => `${path ?? '?'} ${pid}/${processId} ${commandId ?? '-'}`)
}

describe('the working directory', () => {
  test('follows chdir and fchdir, and is copied by fork', () => {
    const lines = ['11 fork() = 12', '11 chdir("../srv") = 0', stat(11, 'a'), stat(12, 'a')]
    expect(pathsOf(lines)).toEqual(['/srv 11/11 7', '/srv/a 11/11 7', '/work/a 12/12 7'])
    expect(pathsOf(['11 fchdir(3</opt/x>) = 0', stat(11, 'a')])).toEqual(['/opt/x/a 11/11 7'])
    expect(pathsOf(['11 chdir("x") = -1 EACCES (x)', stat(11, 'a')])).toEqual(['/work/x 11/11 7', '/work/a 11/11 7'])
  })

  test('is shared by threads and by CLONE_FS, until unshare', () => {
    expect(pathsOf([`11 ${THREAD} = 12`, '12 fchdir(3</opt>) = 0', stat(11, 'a')])).toEqual(['/opt/a 11/11 7'])
    const child = '11 clone(child_stack=NULL, flags=CLONE_FS|SIGCHLD) = 12'
    expect(pathsOf([child, '12 fchdir(3</opt>) = 0', stat(11, 'a')])).toEqual(['/opt/a 11/11 7'])
    const apart = [child, '12 unshare(CLONE_FS) = 0', '12 fchdir(3</opt>) = 0', stat(11, 'a')]
    expect(pathsOf(apart)).toEqual(['/work/a 11/11 7'])
  })

  test('is learnt from every annotation of AT_FDCWD, also after the same one', () => {
    const annotated = '11 faccessat(AT_FDCWD</real/place>, "/x", F_OK) = -1 ENOENT (x)'
    const lines = [annotated, stat(11, '../a'), '11 fchdir(3</opt>) = 0', annotated, stat(11, 'a')]
    expect(pathsOf(lines).filter((path) => path.includes('/a '))).toEqual(['/real/a 11/11 7', '/real/place/a 11/11 7'])
  })

  test('of a process with another root starts there', () => {
    const lines = ['11 chroot("/jail") = 0', stat(11, '/etc/../../x'), stat(11, 'a')]
    expect(pathsOf(lines).slice(1)).toEqual(['/jail/x 11/11 7', '/work/a 11/11 7'])
  })
})

describe('processes and threads', () => {
  test('start and end with what they run', () => {
    const { events } = interpret([
      ...COMMAND,
      `11 ${THREAD} = 12`,
      '12 +++ exited with 0 +++',
      '11 fork() = 13',
      '13 execve("/bin/ls", ["ls", "-l"], 0x7ff /* 2 vars */) = 0',
      '13 +++ killed by SIGKILL (core dumped) +++',
      '11 +++ exited with 3 +++',
    ])
    const words = events.flatMap((event) => {
      if (event.kind !== 'start' && event.kind !== 'exit') return []
      const { kind, pid, processId, thread, parentId, exitCode, signal, command } = event
      return [[kind, pid, processId, thread, parentId, exitCode, signal, command.join(' ')].join()]
    })
    expect(words).toEqual([
      'start,11,11,false,10,,,',
      'start,12,11,true,11,,,sh',
      'exit,12,11,true,,0,,sh',
      'start,13,13,false,11,,,sh',
      'exit,13,13,false,,,SIGKILL,ls -l',
      'exit,11,11,false,,3,,sh',
    ])
  })

  test('keep the command line within bounds, and the name alone when it cannot be read', () => {
    const words = Array.from({ length: 70 }, () => `"${'x'.repeat(600)}"`).join(', ')
    const { events } = interpret([
      ...COMMAND,
      `11 execve("/bin/ls", [${words}], 0x7ff) = 0`,
      '11 +++ exited with 0 +++',
    ])
    const last = events.at(-1)
    expect(last?.kind === 'exit' && [last.command.length, last.command[0]?.length]).toEqual([64, 512])
    const raw = interpret([...COMMAND, '11 execve("/bin/ls", 0x1, 0x2) = 0', '11 +++ exited with 0 +++']).events.at(-1)
    expect(raw).toMatchObject({ command: ['/bin/ls'] })
  })

  test('a thread that calls execve takes over the id of the leader', () => {
    const { events, interpreter } = interpret([
      ...COMMAND,
      `11 ${THREAD} = 12`,
      `11 ${THREAD.replace('12', '13')} = 13`,
      '13 execve("/bin/echo", ["echo"], 0x7ff /* 2 vars */ <unfinished ...>',
      '12 +++ exited with 0 +++',
      '11 +++ superseded by execve in pid 13 +++',
      '11 <... execve resumed>) = 0',
      stat(11, 'a'),
    ])
    expect(events.at(-1)).toMatchObject({ pid: 11, command: ['echo'], path: '/work/a' })
    expect(events.filter(({ kind }) => kind === 'exit')).toMatchObject([{ pid: 12 }, { pid: 13, thread: true }])
    expect(interpreter.threadCount).toBe(3)
  })

  test('an execve ends threads whose end is not told', () => {
    const { events, interpreter } = interpret([
      ...COMMAND,
      `11 ${THREAD} = 12`,
      '11 execve("/bin/x", ["x"], 0x7ff) = 0',
    ])
    expect(events.at(-1)).toMatchObject({ kind: 'exit', pid: 12 })
    expect(interpreter.threadCount).toBe(3)
  })

  test('a number that is used again is another process', () => {
    const lines = [
      '11 fork() = 12',
      '12 fchdir(3</opt>) = 0',
      '12 +++ exited with 0 +++',
      '11 fork() = 12',
      stat(12, 'a'),
    ]
    expect(pathsOf(lines)).toEqual(['/work/a 12/12 7'])
    expect(pathsOf(lines.filter((line) => !line.includes('exited')))).toEqual(['/work/a 12/12 7'])
  })
})

describe('a child that is seen before its maker returns', () => {
  const VFORK = '11 vfork( <unfinished ...>'

  test('belongs to the only unfinished call', () => {
    const lines = [VFORK, stat(12, 'a'), '12 +++ exited with 0 +++', '11 <... vfork resumed>) = 12', stat(11, 'b')]
    expect(pathsOf(lines)).toEqual(['/work/a 12/12 7', '/work/b 11/11 7'])
    const { events, interpreter } = interpret([...COMMAND, ...lines])
    expect(events.filter(({ kind }) => kind === 'start')).toMatchObject([{ pid: 11 }, { pid: 12, parentId: 11 }])
    expect(interpreter.threadCount).toBe(3)
  })

  test('is a thread when the flags say so, and shares what they say', () => {
    const lines = [
      `11 ${THREAD.replace(/ => .*/, ', 88')} <unfinished ...>`,
      '12 fchdir(3</opt>) = 0',
      stat(12, 'a'),
      stat(11, 'b'),
    ]
    expect(pathsOf(lines)).toEqual(['/opt/a 12/11 7', '/opt/b 11/11 7'])
  })

  /** A second command with the id 8: process 21 in `/other`. */
  const SECOND = [
    '1 fork() = 20',
    '20 access("/.sandbox/command/8", F_OK) = -1 ENOENT (x)',
    '20 fork() = 21',
    '21 execve("/bin/sh", ["sh", "8"], 0x7ffd /* 3 vars */) = 0',
    '21 fchdir(3</other>) = 0',
  ]
  const BOTH = [...SECOND, VFORK, '21 vfork( <unfinished ...>']

  test('is put right, with all that it has made, when its maker names it', () => {
    const lines = [
      ...[...BOTH, stat(12, '/a'), '12 fork() = 13', '13 execve("/bin/x", ["x"], 0x7ff) = 0'],
      ...['11 <... vfork resumed>) = 12', '21 <... vfork resumed>) = 22', stat(12, 'b'), stat(13, '/c'), stat(22, 'd')],
    ]
    expect(pathsOf(lines).slice(1)).toEqual([
      '/a 12/12 8',
      '/bin/x 13/13 8',
      '/work/b 12/12 7',
      '/c 13/13 7',
      '/other/d 22/22 8',
    ])
  })

  test('changes places with another that was guessed wrong', () => {
    const lines = [
      ...BOTH,
      stat(12, '/a'),
      stat(22, '/b'),
      '21 <... vfork resumed>) = 22',
      stat(12, 'c'),
      stat(22, 'd'),
    ]
    expect(pathsOf(lines).slice(-2)).toEqual(['/work/c 12/12 7', '/other/d 22/22 8'])
    const failed = [...BOTH, stat(12, '/a'), '21 <... vfork resumed>) = -1 EAGAIN (x)', stat(12, 'c')]
    expect(pathsOf(failed).at(-1)).toMatch(/ 12\/12 7$/)
  })

  test('is judged by every folder that it can have', () => {
    const at = (allowed: readonly string[]) =>
      interpret([...COMMAND, ...BOTH, '12 stat("a", 0x7ff) = 0'], {
        policy: policyOf({ read: allowed, exec: ['/'] }),
      }).accesses.at(-1)?.allowed
    expect(at(['/work/a', '/other/a'])).toBe(true)
    expect(at(['/work/a'])).toBe(false)
    expect(at(['/other/a'])).toBe(false)
  })

  test('belongs to a call in which its maker was killed', () => {
    const lines = [VFORK, '11 <... vfork resumed>) = ?', '11 +++ killed by SIGKILL +++', stat(12, 'a')]
    expect(pathsOf(lines)).toEqual(['/work/a 12/12 7'])
    expect(pathsOf(lines.toSpliced(1, 1))).toEqual(['/work/a 12/12 7'])
  })

  test('is judged as a guest of no command when nobody can have made it', () => {
    const { events } = interpret([...COMMAND, '99 stat("a", 0x7ff) = 0'], { policy: policyOf({ read: ['/'] }) })
    expect(events.at(-1)).toMatchObject({ pid: 99, commandId: null, path: null, allowed: false })
  })
})
