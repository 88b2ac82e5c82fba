/** Events and results of a build, as a runner tells them. */
import type { BuildEvent, BuildEventBody, BuildResult, StepResult } from '../../../../src/runner/build-events.js'

export function stepResult(facts: Partial<StepResult> = {}): StepResult {
  return {
    index: 0,
    name: 'make',
    outcome: 'exited',
    exitCode: 0,
    signal: null,
    continued: false,
    durationMs: 1_200,
    cpuMs: 900,
    maxRssBytes: 1024,
    ...facts,
  }
}

export function buildResult(facts: Partial<BuildResult> = {}): BuildResult {
  return {
    id: '0b9d',
    tenant: 'acme',
    outcome: 'succeeded',
    steps: [stepResult()],
    caches: [],
    artifacts: [],
    artifactsDir: null,
    logPath: '/state/0b9d/log.ndjson',
    logTruncated: false,
    error: null,
    submittedAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.100Z',
    finishedAt: '2026-01-01T00:00:02.000Z',
    queuedMs: 100,
    durationMs: 1_900,
    commit: null,
    ...facts,
  }
}

/** Numbers them, and gives each a time. */
export function eventsOf(bodies: readonly BuildEventBody[]): BuildEvent[] {
  return bodies.map((body, seq) => ({ seq, time: '2026-01-01T00:00:00.000Z', ...body }))
}

export const queued = (...steps: string[]): BuildEventBody => ({ type: 'queued', id: '0b9d', tenant: 'acme', steps })
export const stepStarted = (index: number, name: string): BuildEventBody => ({
  type: 'step',
  index,
  name,
  state: 'started',
})
export const stepFinished = (facts: Partial<StepResult> = {}): BuildEventBody => {
  const result = stepResult(facts)
  return { type: 'step', index: result.index, name: result.name, state: 'finished', result }
}
export const output = (text: string, stream: 'stdout' | 'stderr' = 'stdout'): BuildEventBody => ({
  type: 'output',
  step: 0,
  stream,
  text,
})

/** What can move a terminal, forge a line or hide one. */
export const HOSTILE = '\u001b[2J\u001b]0;title\u0007 a\u202eb \u0000 \u009b31m good\rbad\u2028x \ud800'
/** What is left of it may hold none of these. */
export const UNSAFE =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])/
