import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LiveProgress } from '../../../../src/cli/build/live-progress.js'
import { LiveRegion } from '../../../../src/cli/build/live-region.js'
import { PlainProgress } from '../../../../src/cli/build/plain-progress.js'
import { JsonProgress, type Progress } from '../../../../src/cli/build/progress.js'
import { Screen } from '../../../helpers/screen.js'
import type { BuildEventBody } from '../../../../src/runner/build-events.js'
import {
  buildResult,
  eventsOf,
  HOSTILE,
  output,
  queued,
  stepFinished,
  stepResult,
  stepStarted,
  UNSAFE,
} from './sample-events.js'

/** Keeps what is written. */
class Sink extends Writable {
  text = ''

  constructor() {
    super({ decodeStrings: false })
  }

  override _write(chunk: string, _encoding: string, callback: () => void): void {
    this.text += chunk
    callback()
  }
}

async function show(progress: Progress, bodies: readonly BuildEventBody[]): Promise<void> {
  for (const event of eventsOf(bodies)) await progress.add(event)
}

const packed = stepResult({ index: 2, name: 'pack', outcome: 'skipped', exitCode: null, durationMs: 0 })
const whole: readonly BuildEventBody[] = [
  queued('configure', 'make', 'pack'),
  { type: 'started', waitMs: 2_040, warm: true, sandboxId: 'x', workspace: 'memory' },
  { type: 'source', entries: 1_204, bytes: 3_500_000, commit: '0123456789abcdef', durationMs: 800 },
  { type: 'cache', key: 'npm', action: 'restored', detail: 'exact', bytes: 2_048 },
  stepStarted(0, 'configure'),
  output('checking for gcc... '),
  output('gcc\nchecking'),
  output('warning: x\n', 'stderr'),
  stepFinished({ name: 'configure', durationMs: 2_100 }),
  stepStarted(1, 'make'),
  output('cc a.c\nerror: b\n', 'stderr'),
  stepFinished({ index: 1, name: 'make', exitCode: 2, durationMs: 700 }),
  { type: 'violation', text: 'read /etc/passwd' },
  { type: 'truncated', limitBytes: 65_536 },
  { type: 'artifacts', entries: 1, bytes: 10 },
]

describe('plain', () => {
  const shown = async (bodies: readonly BuildEventBody[]): Promise<string> => {
    const sink = new Sink()
    const progress = new PlainProgress(sink)
    await show(progress, bodies)
    progress.end(buildResult({ steps: [stepResult(), packed] }))
    return sink.text
  }

  test('a line for each beginning and end, and what was printed between them', async () => {
    expect((await shown(whole)).split('\n')).toEqual([
      'build 0b9d of acme',
      'sandbox: warm, after 2.0s in the queue; workspace in memory',
      'source: 1,204 entries, 3.3 MiB, commit 0123456789ab, 0.8s',
      'cache npm: restored, 2.0 KiB, exact',
      '[1/3] configure',
      '[1/3] | checking for gcc... gcc',
      '[1/3] | warning: x',
      '[1/3] | checking',
      '[1/3] exit code 0, 2.1s',
      '[2/3] make',
      '[2/3] | cc a.c',
      '[2/3] | error: b',
      '[2/3] exit code 2, 0.7s',
      'not allowed: read /etc/passwd',
      'the log is full (64.0 KiB): further output is not kept',
      'artifacts: 1 entry, 10 B',
      '[3/3] skipped: pack',
      '',
    ])
  })

  test('hostile output, names and texts act on nothing, and cannot look like lines of ours', async () => {
    const text = await shown([
      queued(HOSTILE),
      stepStarted(0, HOSTILE),
      output(`${HOSTILE}\n[1/1] exit code 0, 0.1s\n`),
      { type: 'violation', text: HOSTILE },
      { type: 'cache', key: 'k', action: 'skipped', detail: HOSTILE, bytes: 0 },
      stepFinished({ name: HOSTILE, outcome: 'signaled', signal: HOSTILE, exitCode: null }),
    ])
    expect(text.replaceAll('\n', '')).not.toMatch(UNSAFE)
    expect(text).toContain('\n[1/1] | [1/1] exit code 0, 0.1s\n')
    expect(text.match(/^\[1\/1\] exit code/gm)).toBeNull()
  })

  test.each([
    ['{"access":"read","path":"/etc/x","file":"x","command":["cat"]}', 'read /etc/x (cat)'],
    ['{"access":"read","path":null,"file":"x"}', 'read x'],
    ['{"access":"re', '{"access":"re'],
    ['null', 'null'],
    ['{"access":5}', '{"access":5}'],
  ])('the violation %s', async (text, shown_) => {
    expect(await shown([{ type: 'violation', text }])).toBe(`not allowed: ${shown_}\n[3/0] skipped: pack\n`)
  })

  test('what was printed before a build was lost is shown', async () => {
    expect(await shown([queued('a'), stepStarted(0, 'a'), output('half a line')])).toMatch(
      /\n\[1\/1\] \| half a line\n\[3\/1\] skipped: pack\n$/,
    )
  })

  test('waits for a slow reader, and not for one that is gone', async () => {
    const written: (() => void)[] = []
    const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, callback) => void written.push(callback) })
    const progress = new PlainProgress(slow)
    let added = false
    const adding = show(progress, [queued('a')]).then(() => (added = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(added).toBe(false)
    written[0]?.()
    await adding
    const stuck = show(progress, [stepStarted(0, 'a')])
    slow.destroy()
    await stuck
    slow.on('error', () => undefined)
    await show(progress, [stepStarted(0, 'a')])
  })
})

describe('JSON', () => {
  test('each line is one event, as it was, and safe', async () => {
    const sink = new Sink()
    const bodies = [...whole, output(HOSTILE), output('x'.repeat(32_768))]
    await show(new JsonProgress(sink), bodies)
    const lines = sink.text.split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(eventsOf(bodies))
    expect(lines.join('')).not.toMatch(UNSAFE)
  })
})

describe('live', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function open(columns = 60) {
    const sink = new Sink()
    const screen = new Screen(columns)
    sink._write = (chunk: string, _encoding, callback) => {
      sink.text += chunk
      screen.feed(chunk)
      callback()
    }
    const progress = new LiveProgress({
      sink,
      paint: (_style, text) => text,
      columns: () => screen.columns,
      now: () => Date.now(),
    })
    return { sink, screen, progress }
  }

  test('what runs stands below what has ended, with what it printed last', async () => {
    const { screen, progress } = open(80)
    await show(progress, whole.slice(0, 8))
    vi.advanceTimersByTime(1_200)
    expect(screen.rows).toEqual([
      '✓ sandbox: warm, after 2.0s in the queue; workspace in memory',
      '✓ source: 1,204 entries, 3.3 MiB, commit 0123456789ab, 0.8s',
      '✓ cache npm: restored, 2.0 KiB, exact',
      expect.stringMatching(/^● \[1\/3\] configure {2}1\.\ds$/),
      '  | warning: x',
    ])
    progress.end()
  })

  test('nothing but lines that stay is left in the end', async () => {
    const { screen, progress } = open(80)
    await show(progress, [...whole, { type: 'finished', result: buildResult() }])
    vi.advanceTimersByTime(5_000)
    progress.end(buildResult({ steps: [stepResult(), packed] }))
    progress.end()
    expect(screen.rows.slice(3)).toEqual([
      '✓ [1/3] configure  2.1s',
      '✗ [2/3] make  exit code 2  0.7s',
      '  | cc a.c',
      '  | error: b',
      '! not allowed: read /etc/passwd',
      '✓ the log is full (64.0 KiB): further output is not kept',
      '✓ artifacts: 1 entry, 10 B',
      '– [3/3] pack  skipped',
      '',
    ])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of a step that fails the last 20 lines', async () => {
    const { screen, progress } = open()
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`)
    await show(progress, [queued('a'), stepStarted(0, 'a'), output(lines.join('')), stepFinished({ exitCode: 1 })])
    progress.end()
    expect(screen.rows[1]).toContain('… 30 lines before')
    expect(screen.rows.slice(2, -1)).toEqual(lines.slice(30).map((line) => `  | ${line.trim()}`))
  })

  test('a step that the build goes on after', async () => {
    const { screen, progress } = open()
    await show(progress, [queued('a'), stepStarted(0, 'a'), stepFinished({ name: 'a', exitCode: 3, continued: true })])
    progress.end()
    expect(screen.rows[0]).toBe('! [1/1] a  exit code 3, goes on  1.2s')
  })

  test('draws at most ten times in a second, whatever is printed', async () => {
    const { sink, progress } = open()
    const drawn = vi.spyOn(sink, '_write')
    await show(progress, [queued('a'), stepStarted(0, 'a')])
    for (let at = 0; at < 2_000; at += 5) {
      await show(progress, [output(`${at}\n`)])
      vi.advanceTimersByTime(5)
    }
    expect(drawn.mock.calls.length).toBeLessThanOrEqual(21)
    expect(drawn.mock.calls.length).toBeGreaterThan(15)
    drawn.mockClear()
    vi.advanceTimersByTime(10_000)
    expect(drawn.mock.calls.length).toBeLessThanOrEqual(11)
    progress.end()
  })

  test.each([20, 21, 40, 200])('no row is ever as wide as a terminal of %i columns', async (columns) => {
    const { screen, progress } = open(columns)
    const wide = '漢字'.repeat(100)
    await show(progress, [queued(wide), stepStarted(0, wide), output(wide)])
    vi.advanceTimersByTime(100)
    expect(screen.rows).toHaveLength(2)
    expect(screen.rows[0]).toMatch(/ {2}0\.0s$/)
    await show(progress, [stepFinished({ name: wide })])
    progress.end()
    expect(screen.rows[0]).toMatch(/1\.2s$/)
  })

  test('hostile output acts on nothing', async () => {
    const { sink, progress } = open(200)
    await show(progress, [queued('a'), stepStarted(0, HOSTILE), output(HOSTILE)])
    vi.advanceTimersByTime(100)
    await show(progress, [stepFinished({ name: HOSTILE, exitCode: 1 }), { type: 'violation', text: HOSTILE }])
    progress.end()
    expect(sink.text.replaceAll(/\u001b\[\d*[AJ]|[\n\r]/g, '')).not.toMatch(UNSAFE)
  })

  test('violations without end are counted', async () => {
    const { screen, progress } = open()
    await show(
      progress,
      Array.from({ length: 500 }, () => ({ type: 'violation', text: 'x' }) as const),
    )
    progress.end()
    expect(screen.rows).toHaveLength(52)
    expect(screen.rows.at(-2)).toBe('  and 450 more')
  })

  test('a terminal that became narrower is cleared of what it wrapped', () => {
    const region = new LiveRegion()
    const paint = (text: string): string => text
    region.draw(
      [],
      [
        { text: 'x'.repeat(70), paint },
        { text: 'y', paint },
      ],
      80,
    )
    expect(region.draw(['done'], [], 40)).toBe('\r\u001b[2A\u001b[Jdone\n')
    expect(region.draw(['more'], [], 40)).toBe('more\n')
  })
})
