/** Events for tests of logs. */
import { BuildLog } from '../../../../src/runner/log/index.js'
import type { BuildEvent, BuildEventBody, BuildResult } from '../../../../src/runner/build-events.js'

export const output = (text: string): BuildEventBody => ({ type: 'output', step: 0, stream: 'stdout', text })

export const stepStarted: BuildEventBody = { type: 'step', index: 0, name: 'make', state: 'started' }

export const result: BuildResult = {
  id: 'b1',
  tenant: 'acme/alice',
  outcome: 'succeeded',
  steps: [
    {
      index: 0,
      name: 'make',
      outcome: 'exited',
      exitCode: 0,
      signal: null,
      continued: false,
      durationMs: 12.5,
      cpuMs: 3,
      maxRssBytes: 4096,
    },
  ],
  caches: [
    { key: 'npm', restored: 'exact', restoredBytes: 10, saved: false, savedBytes: 0, reason: null },
    { key: 'cc', restored: 'none', restoredBytes: 0, saved: true, savedBytes: 5, reason: null },
  ],
  artifacts: [{ path: 'dist/a.js', type: 'file', bytes: 7 }],
  artifactsDir: '/var/builds/b1/artifacts',
  logPath: '/var/builds/b1/log',
  logTruncated: false,
  error: null,
  submittedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:01.000Z',
  finishedAt: '2026-01-01T00:00:02.000Z',
  queuedMs: 1000,
  durationMs: 1000,
  commit: null,
}

export const finished: BuildEventBody = { type: 'finished', result }

/** One of each kind. */
export const everyKind: readonly BuildEventBody[] = [
  { type: 'queued', id: 'b1', tenant: 'acme/alice', steps: ['make', 'test'] },
  { type: 'started', waitMs: 3, warm: true, sandboxId: 's1', workspace: 'memory' },
  { type: 'source', entries: 3, bytes: 100, commit: 'abc', durationMs: 2 },
  { type: 'cache', key: 'npm', action: 'restored', detail: 'exact', bytes: 10 },
  stepStarted,
  output('hello\n'),
  { type: 'step', index: 0, name: 'make', state: 'finished', result: result.steps[0]! },
  { type: 'violation', text: 'read /etc/shadow' },
  { type: 'truncated', limitBytes: 65536 },
  { type: 'artifacts', entries: 1, bytes: 7 },
  finished,
]

/** A log with these events, closed. */
export async function writeLog(path: string, bodies: readonly BuildEventBody[], maxBytes = 2 ** 30): Promise<void> {
  await using log = await BuildLog.create(path, { maxBytes })
  for (const body of bodies) await log.append(body)
}

/** All that an iteration gives. */
export async function gather(events: AsyncIterable<BuildEvent>): Promise<BuildEvent[]> {
  const all: BuildEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

/** Without what the log adds. */
export function bodyOf({ seq: _seq, time: _time, ...body }: BuildEvent): BuildEventBody {
  return body
}
