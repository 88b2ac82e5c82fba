import { expect, test } from 'vitest'
import { LineSplitter } from '../../../../src/trace/strace/line-splitter.js'
import { heldBytes } from '../../../helpers/memory.js'

function split(chunks: readonly (string | Buffer)[], maxLineBytes?: number): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter({
    onLine: (line) => lines.push(line),
    onBrokenLine: (start) => lines.push(`broken ${start}`),
    ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
  })
  for (const chunk of chunks) splitter.push(Buffer.from(chunk as string, 'latin1'))
  splitter.end()
  return lines
}

test('lines are the same, cut in two at every byte and byte by byte', () => {
  const log = 'one\n\ntwo \xff\x00\nthree\n'
  const lines = ['one', '', 'two \xff\x00', 'three']
  for (let at = 0; at <= log.length; at++) expect(split([log.slice(0, at), log.slice(at)])).toEqual(lines)
  expect(split([...log])).toEqual(lines)
})

test('a line without an end is broken', () => {
  expect(split(['one\ntw', 'o'])).toEqual(['one', 'broken two'])
})

test('a line of the greatest length is read, one byte more is broken, and what follows is read', () => {
  for (const chunks of [['x'.repeat(8) + '\ny\n'], [...('x'.repeat(8) + '\ny\n')]])
    expect(split(chunks, 8)).toEqual(['x'.repeat(8), 'y'])
  for (const chunks of [
    ['x'.repeat(9) + '\ny\n'],
    [...('x'.repeat(9) + '\ny\n')],
    ['x'.repeat(5), 'x'.repeat(9) + '\ny\n'],
  ])
    expect(split(chunks, 8)).toEqual([expect.stringMatching(/^broken x{9,14}$/), 'y'])
})

test('of a broken line only its beginning is told, once', () => {
  expect(split([...Array.from({ length: 50 }, () => 'x'.repeat(1000)), '\n', 'y\n'], 10_000)).toEqual([
    `broken ${'x'.repeat(1000)}`,
    'y',
  ])
})

test('a line that never ends takes no more memory than a line may', () => {
  const broken: string[] = []
  const splitter = new LineSplitter({ onLine: expect.unreachable, onBrokenLine: (start) => broken.push(start) })
  const before = heldBytes()
  for (let i = 0; i < 200; i++) splitter.push(Buffer.alloc(1024 * 1024, 'x'))
  expect(heldBytes() - before).toBeLessThan(16 * 1024 * 1024)
  splitter.push(Buffer.from('\n'))
  expect(broken).toEqual(['x'.repeat(1000)])
})
