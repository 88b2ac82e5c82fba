/**
 * Every number that the package tells about itself, in one list. The names and units follow the semantic conventions of
 * OpenTelemetry (UCUM units, times in seconds); the Prometheus name is made of them.
 */

/** Things that are counted up. */
export const COUNTERS = {
  'container_sandbox.sandbox.starts': {
    unit: '{sandbox}',
    description: 'Sandboxes that were asked for, by how they were had: cold, or warm out of a pool.',
  },
  'container_sandbox.sandbox.ends': { unit: '{sandbox}', description: 'Sandboxes that ended, by reason.' },
  'container_sandbox.command.ends': { unit: '{command}', description: 'Commands that ended, by outcome.' },
  'container_sandbox.limit.hits': {
    unit: '{hit}',
    description: 'Limits that a guest ran into: memory, cpuTime, timeout, output, disk, pids.',
  },
  'container_sandbox.engine.requests': {
    unit: '{request}',
    description: 'Requests to the engine, by operation and status.',
  },
  'container_sandbox.build.ends': { unit: '{build}', description: 'Builds that ended, by outcome.' },
  'container_sandbox.build.bytes': {
    unit: 'By',
    description: 'Bytes moved for builds, by kind: source, output, artifact, cache_restored, cache_saved.',
  },
  'container_sandbox.cache.lookups': {
    unit: '{lookup}',
    description: 'Caches that were looked for, by result: exact, fallback, none.',
  },
  'container_sandbox.queue.rejections': { unit: '{job}', description: 'Jobs that a full queue refused.' },
  'container_sandbox.pool.discards': {
    unit: '{sandbox}',
    description: 'Sandboxes of a pool that were replaced, by reason: used, stale, unhealthy, ended.',
  },
} as const

/** Things whose distribution matters. Bounds are upper bounds of buckets, in the unit. */
export const HISTOGRAMS = {
  'container_sandbox.sandbox.start.duration': {
    unit: 's',
    description: 'From the call to a ready sandbox.',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  'container_sandbox.engine.request.duration': {
    unit: 's',
    description: 'Requests to the engine.',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  },
  'container_sandbox.queue.wait': {
    unit: 's',
    description: 'From submission to the start, by none but the queue.',
    bounds: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400],
  },
  'container_sandbox.pool.acquire.duration': {
    unit: 's',
    description: 'From asking a pool to having a sandbox.',
    bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  },
  'container_sandbox.pool.use.duration': {
    unit: 's',
    description: 'From handing out a sandbox to its return.',
    bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
  },
  'container_sandbox.build.duration': {
    unit: 's',
    description: 'From the start of a build to its end.',
    bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400],
  },
} as const

/** Things that are read when somebody asks. */
export const GAUGES = {
  'container_sandbox.queue.waiting': { unit: '{job}', description: 'Jobs that wait.' },
  'container_sandbox.queue.running': { unit: '{job}', description: 'Jobs that run.' },
  'container_sandbox.pool.idle': {
    unit: '{sandbox}',
    description: 'Sandboxes that are ready to be taken, by template.',
  },
  'container_sandbox.pool.starting': {
    unit: '{sandbox}',
    description: 'Sandboxes that are being started, by template.',
  },
  'container_sandbox.pool.used': { unit: '{sandbox}', description: 'Sandboxes that are handed out, by template.' },
} as const

/** The name of a counter. */
export type CounterName = keyof typeof COUNTERS
/** The name of a histogram. */
export type HistogramName = keyof typeof HISTOGRAMS
/** The name of a gauge. */
export type GaugeName = keyof typeof GAUGES
