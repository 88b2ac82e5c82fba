import { describe, expect, test } from 'vitest'
import { LineCutter } from '../../../../src/cli/build/output-lines.js'
import { StepOutput } from '../../../../src/cli/build/step-output.js'
import { codeFrame, lineAndColumn } from '../../../../src/cli/build/text-place.js'
import { cutToWidth, textWidth } from '../../../../src/cli/build/text-width.js'
import { formatBytes, formatDuration } from '../../../../src/cli/build/event-text.js'
import { HOSTILE, UNSAFE } from './sample-events.js'

describe('width', () => {
  test.each<[text: string, columns: number]>([
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｆｕｌｌ', 8],
    ['한글', 4],
    ['👍', 2],
    ['❤\ufe0f', 2],
    ['🇩🇪', 4],
    ['✓ – ● …', 7],
    ['© ®', 3],
  ])('%s: %i', (text, columns) => {
    expect(textWidth(text)).toBe(columns)
  })

  test.each<[text: string, columns: number, cut: string]>([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['漢字漢字', 8, '漢字漢字'],
    ['漢字漢字', 7, '漢字漢…'],
    ['漢字漢字', 6, '漢字…'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('%s to %i: %s', (text, columns, cut) => {
    expect(cutToWidth(text, columns)).toBe(cut)
    expect(textWidth(cut)).toBeLessThanOrEqual(columns)
  })
})

describe('lines of output', () => {
  const linesOf = (...pieces: string[]): string[] => {
    const cutter = new LineCutter()
    return [...pieces.flatMap((piece) => cutter.push(piece)), ...cutter.end()]
  }

  test.each<[pieces: string[], lines: string[]]>([
    [['a\nb\n'], ['a', 'b']],
    [
      ['a', 'b\n', 'c'],
      ['ab', 'c'],
    ],
    [
      ['a\r\nb\r', '\nc\r\n'],
      ['a', 'b', 'c'],
    ],
    [['10%\r20%\rdone\n'], ['10%', '20%', 'done']],
    [['\n\n'], ['', '']],
    [['\r\r\n\n'], ['', '', '']],
    [['a\tb\n1234567\tx\n'], ['a       b', '1234567 x']],
    [[''], []],
  ])('%j: %j', (pieces, lines) => {
    expect(linesOf(...pieces)).toEqual(lines)
    // Wherever the pieces are cut.
    expect(linesOf(...pieces.join(''))).toEqual(lines)
  })

  test('nothing of a hostile line acts on a terminal, and nothing of it is hidden', () => {
    const lines = linesOf(HOSTILE)
    expect(lines.join('')).not.toMatch(UNSAFE)
    expect(lines[0]).toContain('good')
    expect(lines[1]).toMatch(/^bad/)
  })

  test('of a line without end the beginning is kept', () => {
    const cutter = new LineCutter()
    const begun = process.cpuUsage()
    for (let i = 0; i < 8_192; i += 1) cutter.push('x'.repeat(32_768))
    expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
    expect(cutter.rest).toHaveLength(2_000)
    expect(cutter.push('\nnext\n')).toEqual([`${'x'.repeat(1_999)}…`, 'next'])
  })

  test('carriage returns cost about as much as line feeds', { timeout: 2 * 60_000 }, () => {
    const costOf = (end: string): number => {
      const begun = process.cpuUsage()
      expect(new LineCutter().push(end.repeat(1_000_000))).toHaveLength(1_000_000)
      const { user, system } = process.cpuUsage(begun)
      return user + system
    }
    // The best of five rounds, since the machine has other work.
    const rounds = [1, 2, 3, 4, 5].map(() => ({ feeds: costOf('\n'), returns: costOf('\r') }))
    const feeds = Math.min(...rounds.map((round) => round.feeds))
    expect(Math.min(...rounds.map((round) => round.returns))).toBeLessThan(feeds * 4)
    expect(feeds).toBeLessThan(1_500_000)
  })

  test('a step remembers its last lines', () => {
    const step = new StepOutput(3)
    const push = (text: string, stream: 'stdout' | 'stderr' = 'stdout') =>
      step.push({ type: 'output', step: 0, stream, text, seq: 0, time: '' } as never)
    expect(push('1\n2\n3\n4\nhal')).toEqual(['1', '2', '3', '4'])
    expect(step.newest).toBe('hal')
    push('oops\n', 'stderr')
    expect(step.newest).toBe('oops')
    expect(step.end()).toEqual(['hal'])
    expect(step.tail).toEqual({ lines: ['4', 'oops', 'hal'], dropped: 3 })
    expect(new StepOutput(0).tail).toEqual({ lines: [], dropped: 0 })
  })
})

describe('places', () => {
  test('lines and columns count from one, in characters', () => {
    expect(lineAndColumn('ab\n😀c', 5)).toEqual({ line: 2, column: 2 })
    expect(lineAndColumn('', 0)).toEqual({ line: 1, column: 1 })
  })

  test('a frame marks what is meant, under wide characters too', () => {
    expect(codeFrame('a: 1\nb: 漢字 x\n', { start: 11, end: 12 })).toBe('  1 | a: 1\n> 2 | b: 漢字 x\n    |         ^')
    expect(codeFrame('x', { start: 1, end: 1 })).toBe('> 1 | x\n    |  ^')
    expect(codeFrame('', { start: 0, end: 0 })).toBe('> 1 |\n    | ^')
  })

  test('a frame of a long line shows the place', () => {
    const frame = codeFrame(`${'a'.repeat(100_000)}WRONG${'b'.repeat(100_000)}`, { start: 100_000, end: 100_005 })
    expect(frame).toContain('WRONG')
    expect(frame.length).toBeLessThan(400)
    const [line = '', marks = ''] = frame.split('\n')
    expect(marks.indexOf('^')).toBe(line.indexOf('W'))
  })

  test('a frame is safe', () => {
    const text = `a: ${HOSTILE}\n`
    expect(codeFrame(text, { start: 5, end: 400 })).not.toMatch(UNSAFE)
  })
})

test('times and sizes', () => {
  expect([0, 1_234, 59_940, 59_960, 185_000, 3_599_600, 7_620_000].map(formatDuration)).toEqual([
    '0.0s',
    '1.2s',
    '59.9s',
    '1m 00s',
    '3m 05s',
    '1h 00m',
    '2h 07m',
  ])
  expect([0, 1_023, 1_536, 5 * 1024 ** 3, 1024 ** 5].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '5.0 GiB',
    '1024.0 TiB',
  ])
})
