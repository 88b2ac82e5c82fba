/**
 * Every number that the package tells about itself, in one list. The names and units follow the semantic conventions of
 * OpenTelemetry (UCUM units, times in seconds); the Prometheus name is made of them.
 */

/** What an attribute may be: one of a list, or with `null` any short text, of which the first hundred are told apart. */
export type AllowedValues = readonly string[] | null

/** The attributes of an instrument, by name. A value that is not allowed is told as `other`. */
export type AllowedAttributes = Readonly<Record<string, AllowedValues>>

/** The requests to an engine that there are, by what they are about and what they do. */
export const ENGINE_OPERATIONS = [
  'container.archive',
  'container.attach',
  'container.create',
  'container.inspect',
  'container.kill',
  'container.list',
  'container.remove',
  'container.start',
  'container.stats',
  'container.wait',
  'engine.info',
  'engine.version',
  'image.build',
  'image.inspect',
  'image.list',
  'image.load',
  'image.remove',
] as const

const ENGINE_ATTRIBUTES = {
  operation: ENGINE_OPERATIONS,
  'http.response.status_code': null,
  'error.type': null,
} as const

const BUILD_OUTCOMES = ['succeeded', 'failed', 'timeout', 'canceled', 'jailbreak', 'lost', 'error'] as const

/** Things that are counted up. */
export const COUNTERS = {
  'container_sandbox.sandbox.starts': {
    unit: '{sandbox}',
    description:
      'Sandboxes: cold, each that was started, for a pool too; warm, each that a pool had ready; with the error of a start that failed.',
    attributes: { kind: ['cold', 'warm'], 'error.type': null },
  },
  'container_sandbox.sandbox.ends': {
    unit: '{sandbox}',
    description: 'Sandboxes that ended, by reason.',
    attributes: {
      reason: [
        ...['exited', 'killed', 'oom', 'lifetime', 'lockup', 'protocol', 'engine', 'startup', 'jailbreak', 'trace'],
      ],
    },
  },
  'container_sandbox.command.ends': {
    unit: '{command}',
    description:
      'Commands that ended, by outcome; error: one that could not be started, by a fault that is not its own.',
    attributes: {
      outcome: [
        ...['exited', 'signaled', 'timeout', 'cpuTime', 'oom', 'outputLimit', 'canceled', 'jailbreak', 'lost', 'error'],
      ],
    },
  },
  'container_sandbox.limit.hits': {
    unit: '{hit}',
    description: 'Limits that a guest ran into.',
    attributes: { limit: ['memory', 'cpuTime', 'timeout', 'output', 'lifetime'] },
  },
  'container_sandbox.engine.requests': {
    unit: '{request}',
    description: 'Requests to the engine, by operation and status.',
    attributes: ENGINE_ATTRIBUTES,
  },
  'container_sandbox.build.ends': {
    unit: '{build}',
    description: 'Builds that ended, by outcome.',
    attributes: { outcome: BUILD_OUTCOMES },
  },
  'container_sandbox.build.bytes': {
    unit: 'By',
    description: 'Bytes moved for builds, by kind.',
    attributes: { kind: ['source', 'output', 'artifact', 'cache_restored', 'cache_saved'] },
  },
  'container_sandbox.cache.lookups': {
    unit: '{lookup}',
    description: 'Caches that were looked for, by result.',
    attributes: { result: ['exact', 'fallback', 'none'] },
  },
  'container_sandbox.queue.rejections': {
    unit: '{job}',
    description: 'Jobs that a full queue refused.',
    attributes: {},
  },
  'container_sandbox.pool.discards': {
    unit: '{sandbox}',
    description: 'Sandboxes that a pool gave up, by reason.',
    attributes: { reason: ['used', 'stale', 'unhealthy', 'ended', 'reset', 'surplus', 'closed'] },
  },
} as const

/** Things whose distribution matters. Bounds are upper bounds of buckets, in the unit. */
export const HISTOGRAMS = {
  'container_sandbox.sandbox.start.duration': {
    unit: 's',
    description: 'From the call to a ready sandbox, or to the error of a start that failed.',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    attributes: { 'error.type': null },
  },
  'container_sandbox.engine.request.duration': {
    unit: 's',
    description:
      'Requests to the engine, up to the answer or, for a stream, to its beginning. Waits for a container are no part.',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    attributes: ENGINE_ATTRIBUTES,
  },
  'container_sandbox.queue.wait': {
    unit: 's',
    description: 'From submission to the start, by none but the queue.',
    bounds: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400],
    attributes: {},
  },
  'container_sandbox.pool.acquire.duration': {
    unit: 's',
    description: 'From asking a pool to having a sandbox.',
    bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    attributes: { template: null, kind: ['cold', 'warm'] },
  },
  'container_sandbox.pool.use.duration': {
    unit: 's',
    description: 'From handing out a sandbox to its return.',
    bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
    attributes: { template: null },
  },
  'container_sandbox.build.duration': {
    unit: 's',
    description: 'From the start of a build to its end.',
    bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400],
    attributes: { outcome: BUILD_OUTCOMES },
  },
} as const

/** Things that are read when somebody asks. */
export const GAUGES = {
  'container_sandbox.queue.waiting': { unit: '{job}', description: 'Jobs that wait.', attributes: {} },
  'container_sandbox.queue.running': { unit: '{job}', description: 'Jobs that run.', attributes: {} },
  'container_sandbox.pool.idle': {
    unit: '{sandbox}',
    description: 'Sandboxes that are ready to be taken.',
    attributes: { template: null },
  },
  'container_sandbox.pool.starting': {
    unit: '{sandbox}',
    description: 'Sandboxes that are being started.',
    attributes: { template: null },
  },
  'container_sandbox.pool.used': {
    unit: '{sandbox}',
    description: 'Sandboxes that are handed out.',
    attributes: { template: null },
  },
} as const

/** The name of a counter. */
export type CounterName = keyof typeof COUNTERS
/** The name of a histogram. */
export type HistogramName = keyof typeof HISTOGRAMS
/** The name of a gauge. */
export type GaugeName = keyof typeof GAUGES
