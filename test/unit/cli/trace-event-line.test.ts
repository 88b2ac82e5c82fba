import { describe, expect, test } from 'vitest'
import { choosePaint, formatEvent, type Paint } from '../../../src/cli/trace/event-line.js'
import { access, exit, HOSTILE_NAMES, START_MS, start } from '../trace/report/sample-events.js'

const shell = [7, ['sh']] as const
const plain: Paint = (_style, text) => text
const marked: Paint = (style, text) => `<${style}>${text}</${style}>`

describe('a line for an event', () => {
  test.each([
    ['an access', access(shell, 1_234.8, 'write', '/tmp/x'), '   1.235     7 write    /tmp/x'],
    ['a failure', access(shell, 0, 'read', '/a', { errno: 'ENOENT' }), '   0.000     7 read     /a → ENOENT'],
    ['a path that is not known', access(shell, 0, 'read', 'a', { path: null }), '   0.000     7 read     a'],
    [
      'a violation',
      access(shell, 5, 'write', '/etc/x', { errno: 'EROFS', allowed: false }),
      '   0.005     7 write    /etc/x → EROFS  not allowed',
    ],
    ['a start', start([8, ['sh']], 5, 7), '   0.005     8 start    by 7'],
    ['an exit', exit(shell, 5, 3), '   0.005     7 exit     3'],
    ['a death', exit(shell, 5, null, 'SIGKILL'), '   0.005     7 exit     SIGKILL'],
    ['a line of strace', { kind: 'unknown', seq: 1, text: 'what\n' } as const, String.raw`not understood: what\n`],
  ])('%s', (_name, event, line) => {
    expect(formatEvent(event, START_MS, plain)).toBe(line)
  })

  test('threads have none', () => {
    expect(formatEvent(start(shell, 0, 7, true), START_MS, plain)).toBeNull()
  })

  test('only a violation is red, what the kernel refused is yellow', () => {
    const denied = { errno: 'EACCES' }
    expect(formatEvent(access(shell, 0, 'read', '/a', { ...denied, allowed: false }), START_MS, marked)).toContain(
      '<red>read     /a → EACCES  not allowed</red>',
    )
    const refused = formatEvent(access(shell, 0, 'read', '/a', denied), START_MS, marked)
    expect(refused).toContain('<yellow> → EACCES</yellow>')
    expect(refused).not.toContain('<red>')
  })

  test.each(Object.entries(HOSTILE_NAMES))('%s: one line that moves no terminal', (_name, text) => {
    const line = formatEvent(access(shell, 0, 'read', text), START_MS, plain) ?? ''
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/)
    expect(line.length).toBeLessThan(500)
  })
})

describe('colours', () => {
  test.each([
    ['a terminal', { wanted: true, isTerminal: true, env: {} }, true],
    ['no terminal', { wanted: true, isTerminal: false, env: {} }, false],
    ['--no-color', { wanted: false, isTerminal: true, env: {} }, false],
    ['NO_COLOR', { wanted: true, isTerminal: true, env: { NO_COLOR: '1' } }, false],
    ['an empty NO_COLOR', { wanted: true, isTerminal: true, env: { NO_COLOR: '' } }, true],
    ['a dumb terminal', { wanted: true, isTerminal: true, env: { TERM: 'dumb' } }, false],
  ])('%s', (_name, facts, coloured) => {
    expect(choosePaint(facts)('red', 'x')).toBe(coloured ? '\u001b[1;31mx\u001b[39;22m' : 'x')
  })
})
