/** Where the kernel's own words about a file can be read in two ways, or were put into its mouth: both readings are judged. */
import { describe, expect, test } from 'vitest'
import type { TraceAccess } from '../../../../src/trace/event.js'
import { COMMAND, interpret, policyOf } from './interpret-lines.js'

/** The event of the last call, judged by a policy that allows exactly these paths for everything. */
function judge(calls: readonly string[], ...allowed: readonly string[]) {
  const rights: readonly TraceAccess[] = ['read', 'write', 'exec', 'connect']
  const exactly = policyOf(Object.fromEntries(rights.map((right) => [right, allowed.map((path) => `${path}$`)])))
  const policy = {
    allows: (access: Parameters<typeof exactly.allows>[0]) =>
      exactly.allows({ ...access, path: `${access.path}$` }) || access.path === '/bin/sh',
  }
  const lines = calls.map((call) => `11 ${call}`)
  const [event] = interpret([...COMMAND, ...lines], { policy }).accesses.slice(-1)
  return event === undefined ? null : [event.path, event.allowed]
}

describe('a file that is gone, or is called so', () => {
  const open = (name: string) => [`open("${name}", O_WRONLY) = 3</work/a>(deleted)`]
  test.each([
    ['the name tells that it is called so', open('a (deleted)'), ['/work/a (deleted)'], ['/work/a (deleted)', true]],
    ['what is called so is not what is gone', open('a (deleted)'), ['/work/a'], ['/work/a (deleted)', false]],
    ['a name that tells nothing', open('link'), ['/work/a'], ['/work/a', false]],
    ['a name that tells nothing, and both allowed', open('link'), ['/work/a', '/work/a (deleted)'], ['/work/a', true]],
    ['a name is a claim', open('a'), ['/work/a'], ['/work/a', false]],
    [
      'execution by descriptor',
      ['execveat(3</work/a>(deleted), "", ["a"], 0x7ff /* 1 var */, AT_EMPTY_PATH) = 0'],
      ['/work/a'],
      ['/work/a', false],
    ],
    ['a folder', ['unlinkat(3</work/d>(deleted), "a", 0) = 0'], ['/work/d/a'], ['/work/d/a', false]],
    ['a working directory', ['fchdir(3</d>(deleted)) = 0', 'unlink("a") = 0'], ['/d/a'], ['/d/a', false]],
    [
      'a working directory that is told later',
      ['newfstatat(AT_FDCWD</d>(deleted), "b", 0x7ff, 0) = 0', 'unlink("a") = 0'],
      ['/d/a'],
      ['/d/a', false],
    ],
    [
      'a working directory that was entered by its name',
      ['chdir("/d (deleted)") = 0', 'newfstatat(AT_FDCWD</d>(deleted), "b", 0x7ff, 0) = 0', 'unlink("a") = 0'],
      ['/d (deleted)/a'],
      ['/d (deleted)/a', true],
    ],
  ])('%s', (_what, calls, allowed, expected) => {
    expect(judge(calls, ...allowed)).toEqual(expected)
  })
})

describe('a memory file', () => {
  test.each([
    ['that poses as a program', 'x/../usr/bin/python3', null, false],
    ['below whose name something seems to be', 'usr/bin/python3', null, false],
    ['with a plain name', 'x', '/memfd:x', true],
  ])('%s', (_what, name, path, allowed) => {
    const exec = `execveat(3</memfd:${name}>(deleted), "", ["a"], 0x7ff /* 1 var */, AT_EMPTY_PATH) = 0`
    expect(judge([exec], '/usr/bin/python3', '/memfd:x')).toEqual([path, allowed])
    expect(
      judge([`open("/proc/self/fd/3", O_RDWR) = 4</memfd:${name}>(deleted)`], '/usr/bin/python3', '/memfd:x'),
    ).toEqual([path, allowed])
  })
})

describe('a name that stands for what is open', () => {
  test.each(['/proc/self/fd/3', '/proc/thread-self/fd/3', '/dev/fd/3', '/dev/stdout'])('%s tells no file', (name) => {
    expect(judge([`truncate("${name}", 0) = 0`], '/proc/11/fd/3', name)).toEqual([null, false])
    expect(judge([`setxattr("${name}", "user.a", "b", 1, 0) = 0`], '/proc/11/fd/3', name)).toEqual([null, false])
  })

  test('is enough for chmod, as the C library does it, and for looking', () => {
    expect(judge(['chmod("/proc/self/fd/3", 0600) = 0'], '/proc/11/fd/3')).toEqual(['/proc/11/fd/3', true])
    expect(judge(['stat("/proc/self/fd/3", {st_size=1, ...}) = 0'], '/proc/11/fd/3')).toEqual(['/proc/11/fd/3', true])
  })
})

describe('one more name of a file', () => {
  const readable = {
    allows: ({ access, path }: { access: string; path: string }) => access === 'read' || path !== '/ro',
  }
  const verdicts = (call: string) =>
    interpret([...COMMAND, `11 ${call}`], { policy: readable })
      .accesses.slice(-2)
      .map(({ allowed }) => allowed)

  test('is a way to write it', () => {
    expect(verdicts('link("/ro", "/out/a") = 0')).toEqual([false, true])
    expect(
      verdicts('linkat(AT_FDCWD</work>, "/proc/self/fd/3", AT_FDCWD</work>, "/out/a", AT_SYMLINK_FOLLOW) = 0'),
    ).toEqual([false, true])
    expect(verdicts('link("/rw", "/out/a") = 0')).toEqual([true, true])
  })

  test('is none where it was refused: programs try, and copy then', () => {
    expect(verdicts('link("/ro", "/out/a") = -1 EXDEV (Invalid cross-device link)')).toEqual([true, true])
  })
})
