import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LiveView, type ViewMode } from '../../../src/cli/trace/live-view.js'
import { access, START_MS } from '../trace/report/sample-events.js'

const shell = [7, ['sh']] as const
const read = (path: string) => access(shell, 0, 'read', path)
const violation = (path: string) => access(shell, 0, 'write', path, { allowed: false })

function open(mode: ViewMode) {
  const sink = { text: '', writableLength: 0, write: (text: string) => (sink.text += text) }
  const view = new LiveView({ sink, mode, startMs: START_MS, paint: (_style, text) => text })
  return { sink, view, lines: () => sink.text.split('\n').slice(0, -1) }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('lines come a moment later, and at the end', () => {
  const { view, lines } = open('all')
  view.add(read('/a'))
  expect(lines()).toEqual([])
  vi.advanceTimersByTime(100)
  expect(lines()).toEqual(['   0.000     7 read     /a'])
  view.add(read('/b'))
  view.end()
  expect(lines()).toHaveLength(2)
})

test.each([
  ['all', ['/a', '/bad']],
  ['violations', ['/bad']],
  ['none', []],
] as const)('mode %s', (mode, paths) => {
  const { view, lines } = open(mode)
  view.add(read('/a'))
  view.add(violation('/bad'))
  view.end()
  expect(lines().map((line) => /(\/\w+)/.exec(line)?.[1])).toEqual(paths)
})

describe('what the terminal cannot take is counted and said', () => {
  test('a flood: the rest of it, and every violation in it', () => {
    const { view, lines } = open('all')
    for (let at = 0; at < 10_000; at += 1) view.add(read(`/file-${at}`))
    view.add(violation('/bad'))
    view.end()
    expect(lines()).toHaveLength(402)
    expect(lines().at(-2)).toBe('… 9,600 events not shown')
    expect(lines().at(-1)).toContain('/bad  not allowed')
  })

  test('a reader that stands still', () => {
    const { view, sink, lines } = open('all')
    sink.writableLength = 200_000
    view.add(read('/a'))
    view.add(violation('/bad'))
    sink.writableLength = 2_000_000
    view.add(violation('/worse'))
    view.end()
    expect(lines()).toEqual(['… 1 event not shown', expect.stringContaining('/bad'), '… 1 event not shown'])
  })

  test('a gap in the events, also when only violations are shown', () => {
    const { view, lines } = open('violations')
    view.add({ kind: 'gap', dropped: 12 })
    vi.advanceTimersByTime(100)
    expect(lines()).toEqual(['… 12 events not shown'])
  })
})
