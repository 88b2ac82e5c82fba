/** Options of `SandboxPool` and of what it hands out. */
import { z } from 'zod'
import {
  abortSignalOption,
  booleanOption,
  durationOption,
  integerOption,
  objectOption,
  opaqueOption,
  optionFacts,
  textOption,
  textProblem,
} from './option.js'
import { driverOption } from './driver-object.js'
import { isWithin } from './guest-path.js'
import { parseOptions } from './parse.js'
import { sandboxOptionsSchema, type ResolvedSandboxOptions, type SandboxOptions } from './sandbox-options.js'

/** An idle sandbox costs memory, and no time, so that it may wait for minutes. */
const DEFAULT_MAX_IDLE_MS = 300_000

/** A sandbox that has lived this part of its `limits.lifetimeMs` is not handed out any more. */
const USABLE_LIFE = 1 / 2

/** A fresh sandbox is begun at this part of the lifetime at the latest, well before the old one cannot be used. */
const LATEST_RENEWAL = 1 / 4

const MAX_TEMPLATES = 64
const MAX_AFFINITY_BYTES = 512

const NAME = "1 to 64 letters, digits, '_', '.' and '-', the first none of '.' and '-'"

function templateNameOption() {
  const matches = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)
  return textOption({ type: 'string', allowed: NAME }, (name) => (matches(name) ? null : 'it has another form'))
}

function idleOption() {
  return integerOption({ min: 0, max: 1000, unit: 'sandboxes' })
}

/** Options of `new SandboxPool` and `SandboxPool.open`. */
export const poolOptionsSchema = objectOption({
  templates: z
    .record(templateNameOption(), sandboxOptionsSchema, { error: 'an object of sandbox options by name' })
    .refine((templates) => Object.keys(templates).length > 0, { error: 'at least one template' })
    .refine((templates) => Object.keys(templates).length <= MAX_TEMPLATES, { error: `at most ${MAX_TEMPLATES}` })
    .register(optionFacts, { type: 'object', allowed: `sandbox options by name (${NAME}); 1 to ${MAX_TEMPLATES}` })
    .describe('What the sandboxes are made from.'),
  idle: z
    .union([idleOption(), z.record(z.string(), idleOption())], {
      error: 'a whole number from 0 to 1,000, or an object of such numbers by template',
    })
    .register(optionFacts, { type: 'integer or object', allowed: '0 to 1,000 (sandboxes), or these by template' })
    .default(1)
    .describe('Sandboxes of each template that are kept ready. A template that the object does not name has none.'),
  maxStarts: integerOption({ min: 1, max: 64, unit: 'sandboxes' })
    .default(2)
    .describe('Sandboxes of all templates that are started at once.'),
  maxIdleMs: durationOption(100, '5 minutes, or a quarter of `limits.lifetimeMs` where that is less')
    .nullable()
    .default(null)
    .describe('Age at which a sandbox that nobody took is replaced. At most a quarter of `limits.lifetimeMs`.'),
  maxUses: integerOption({ min: 1, max: 1000, unit: 'uses' })
    .default(1)
    .describe(
      'How often a sandbox may be handed out, all times to the same `affinity`; it is cleared in between. Above 1 its templates have no program, plugin, trace or writable mount, and no mount or writable path in a writable path.',
    ),
  maxReused: integerOption({ min: 0, max: 1000, unit: 'sandboxes' })
    .default(1)
    .describe('Used sandboxes of one template that are kept for one `affinity`.'),
  maxReusedTotal: integerOption({ min: 0, max: 1000, unit: 'sandboxes' })
    .default(8)
    .describe('Used sandboxes of one template that are kept in all. The one that waits longest goes first.'),
  reuseIdleMs: durationOption(10).default(60_000).describe('How long a used sandbox is kept for its next use.'),
  resetTimeoutMs: durationOption(10)
    .default(10_000)
    .describe('How long the clearing of a used sandbox may take before it is discarded.'),
  pingTimeoutMs: durationOption(10)
    .default(1_000)
    .describe('How long a sandbox may take to answer before it is handed out; else it is discarded.'),
  driver: driverOption().describe(
    'What runs the containers of templates that name no driver. Default: a `DockerDriver` with default options.',
  ),
  onDiagnostic: opaqueOption<(error: unknown) => void>(
    { type: 'function', allowed: 'a function that takes an error' },
    (value) => typeof value === 'function',
  )
    .nullable()
    .default(null)
    .describe('Hears failures that no caller is told of: of starts for the idle count, and of clearing.'),
})
  .superRefine(({ templates, idle, maxIdleMs, maxUses }, context) => {
    const fail = (path: string[], input: unknown, message: string, hint: string) =>
      context.addIssue({ code: 'custom', path, input, message, params: { hint } })
    const names = Object.keys(templates)
    for (const name of typeof idle === 'number' ? [] : Object.keys(idle))
      if (!names.includes(name)) fail(['idle', name], name, `one of ${names.join(', ')}`, 'there is no such template')
    for (const [name, template] of Object.entries(templates)) {
      const { lifetimeMs } = template.limits
      const latestMs = Math.floor(lifetimeMs * LATEST_RENEWAL)
      if (maxIdleMs !== null && maxIdleMs > latestMs)
        fail(
          ['maxIdleMs'],
          maxIdleMs,
          `at most ${latestMs} with limits.lifetimeMs ${lifetimeMs} of template ${name}`,
          'a sandbox is handed out only in the first half of its lifetime: raise limits.lifetimeMs, or lower maxIdleMs',
        )
      const obstacle = maxUses === 1 ? null : reuseObstacle(template)
      if (obstacle !== null)
        fail(['maxUses'], maxUses, `1 with template ${name}`, `${obstacle} cannot be cleared between two uses`)
    }
  })
  .readonly()

/** Options of `pool.acquire`. */
export const acquireOptionsSchema = objectOption({
  template: z
    .string({ error: 'the name of a template' })
    .register(optionFacts, { type: 'string', allowed: 'the name of a template' })
    .nullable()
    .default(null)
    .describe("Which template. Default: the only one, or the one called 'default'."),
  affinity: textOption(
    { type: 'string', allowed: `1 to ${MAX_AFFINITY_BYTES} bytes of text` },
    (text) => textProblem(text, MAX_AFFINITY_BYTES) ?? (text === '' ? 'it is empty' : null),
  )
    .nullable()
    .default(null)
    .describe('For whom, such as a tenant. A used sandbox goes to the same affinity or to nobody. Default: to nobody.'),
  signal: abortSignalOption().nullable().default(null).describe('Ends the waiting.'),
  timeoutMs: durationOption(1, 'no deadline')
    .nullable()
    .default(null)
    .describe('How long to wait at most; then an `AcquireTimeoutError`.'),
}).readonly()

/** Options of `lease.release`. */
export const releaseOptionsSchema = objectOption({
  reuse: booleanOption()
    .default(true)
    .describe('`false`: the sandbox is discarded, whatever `maxUses` and `affinity` allow.'),
}).readonly()

/** Options of `pool.close`. */
export const poolCloseOptionsSchema = objectOption({
  force: booleanOption().default(false).describe('Also kill the sandboxes that are handed out.'),
}).readonly()

/** What a caller gives to `SandboxPool.open`. */
export type PoolOptions = z.input<typeof poolOptionsSchema>
/** What a caller gives to `pool.acquire`. */
export type AcquireOptions = z.input<typeof acquireOptionsSchema>
/** The same with every default filled in. */
export type ParsedAcquireOptions = z.output<typeof acquireOptionsSchema>
/** What a caller gives to `lease.release`. */
export type ReleaseOptions = z.input<typeof releaseOptionsSchema>
/** What a caller gives to `pool.close`. */
export type PoolCloseOptions = z.input<typeof poolCloseOptionsSchema>

/** One template: what sandboxes are made with, and what that means. */
export interface ResolvedTemplate {
  readonly name: string
  /** As they were given: what `ContainerSandbox` takes. */
  readonly options: SandboxOptions
  readonly resolved: ResolvedSandboxOptions
  readonly idle: number
  readonly maxIdleMs: number
  /** The age from which a sandbox is not handed out any more. */
  readonly usableMs: number
}

/** Pool options with every default filled in. */
export type ResolvedPoolOptions = Omit<z.output<typeof poolOptionsSchema>, 'templates' | 'idle' | 'maxIdleMs'> & {
  readonly templates: readonly ResolvedTemplate[]
}

/** @throws {InvalidOptionsError} listing every issue */
export function parsePoolOptions(raw: PoolOptions): ResolvedPoolOptions {
  const { templates, idle, maxIdleMs, ...rest } = parseOptions(poolOptionsSchema, raw, 'pool options')
  const resolve = ([name, resolved]: [string, ResolvedSandboxOptions]): ResolvedTemplate => {
    const { lifetimeMs } = resolved.limits
    return Object.freeze({
      name,
      options: { ...raw.templates[name], driver: resolved.driver ?? rest.driver },
      resolved,
      idle: typeof idle === 'number' ? idle : (idle[name] ?? 0),
      maxIdleMs: maxIdleMs ?? Math.min(DEFAULT_MAX_IDLE_MS, Math.floor(lifetimeMs * LATEST_RENEWAL)),
      usableMs: Math.floor(lifetimeMs * USABLE_LIFE),
    })
  }
  return Object.freeze({ ...rest, templates: Object.entries(templates).map(resolve) })
}

/** @throws {InvalidOptionsError} */
export function parseAcquireOptions(raw: unknown = {}): ParsedAcquireOptions {
  return parseOptions(acquireOptionsSchema, raw, 'acquire options')
}

/** @throws {InvalidOptionsError} */
export function parseReleaseOptions(raw: unknown = {}): z.output<typeof releaseOptionsSchema> {
  return parseOptions(releaseOptionsSchema, raw, 'release options')
}

/** @throws {InvalidOptionsError} */
export function parsePoolCloseOptions(raw: unknown = {}): z.output<typeof poolCloseOptionsSchema> {
  return parseOptions(poolCloseOptionsSchema, raw, 'close options')
}

/** What an emptied file system leaves as it was, or `null`. */
function reuseObstacle(template: ResolvedSandboxOptions): string | null {
  const { program, methods, plugins, trace, mounts, writable } = template
  if (program !== null || methods !== null) return 'a program'
  if (plugins.length > 0) return 'a plugin'
  if (trace !== null) return 'a trace'
  if (mounts.some((mount) => mount.writable)) return 'a writable mount'
  const targets = [...writable, ...mounts.map(({ target }) => target)]
  const isInside = (target: string): boolean => writable.some((path) => path !== target && isWithin(target, path))
  return targets.some(isInside) ? 'a writable path with a mount or a writable path in it' : null
}
