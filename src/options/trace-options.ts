/** `trace`: what is seen of a sandbox, and what it may do without being called a violation. */
import { z } from 'zod'
import type { Violation } from '../trace/event.js'
import { hostPathOption } from './host-path.js'
import { booleanOption, choiceOption, integerOption, objectOption, opaqueOption, optionFacts } from './option.js'
import { isGvisor } from './runtime.js'
import { parseConnectEntry, type ConnectPattern } from './trace-address.js'
import { parsePathEntry, PatternProblem, type ResolvedPathPattern, type TracePattern } from './trace-pattern.js'
import { DEFAULT_SET, type TracePathList } from './trace-sets.js'

/** A list is compiled and kept in memory whole. */
const MAX_PATTERNS = 10_000

const PATHS_ALLOWED =
  "an absolute path such as '/work' for it and all below, a glob such as '/work/**/*.c', a RegExp, { regexp, flags }, or a set such as '@home'"
const ADDRESSES_ALLOWED =
  "an address such as '10.0.0.1:443', '10.0.0.0/8:*', '[::1]:80', '*:53', 'unix:/run/x' or 'unix:@name', a RegExp, or { regexp, flags }"

const TRACE_ALLOWED = 'true, false, or an object as { read, write, exec, connect, onViolation }'

/** What happens on a violation. */
export type OnViolation = 'kill' | 'report' | ViolationDecision

/** Decides on one violation; nothing means `'report'`. */
export type ViolationDecision = (
  violation: Violation,
) => 'kill' | 'report' | undefined | void | Promise<'kill' | 'report' | undefined | void>

/** The four lists, checked. What is in none of them is a violation. */
export interface ResolvedTracePolicy {
  readonly read: readonly ResolvedPathPattern[]
  readonly write: readonly ResolvedPathPattern[]
  readonly exec: readonly ResolvedPathPattern[]
  readonly connect: readonly ConnectPattern[]
}

/** `trace` with every default filled in. */
export interface ResolvedTraceOptions {
  /** `null`: nothing is judged. */
  readonly policy: ResolvedTracePolicy | null
  readonly onViolation: OnViolation
  readonly calls: 'named' | 'all'
  /** An absolute path of the host. */
  readonly log: string | null
  readonly maxQueuedEvents: number
  readonly maxLagMs: number
  readonly pinCpu: boolean
}

/** The lists of a policy; `null` where one is left out. */
export const traceLists = {
  read: pathList('read').describe(
    'What may be opened for reading, looked at and entered. Default: the sets of `read`.',
  ),
  write: pathList('write').describe('What may be changed, made, renamed and removed. Default: the sets of `write`.'),
  exec: pathList('exec').describe('What may be executed. Default: the sets of `exec`.'),
  connect: patternList(ADDRESSES_ALLOWED, 'array of addresses', (entry) => [parseConnectEntry(entry)]).describe(
    'Where connections may go and which addresses may be bound. Default: nothing.',
  ),
}

/** `calls`: which system calls are traced. */
export function callsOption() {
  return choiceOption(['named', 'all'])
}

/** What a learned policy has besides its lists, so that it can be given as it is. */
export const learnedFacts = {
  version: integerOption({ min: 1, max: 1, unit: 'of learned policies' })
    .nullable()
    .default(null)
    .describe('Stands in a learned policy.'),
  syscalls: opaqueOption<readonly string[]>(
    { type: 'array of strings', allowed: 'names of system calls' },
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  )
    .nullable()
    .default(null)
    .describe('Stands in a learned policy, for `tightenSeccomp`; nothing is judged by it.'),
}

/** The long form of `trace`. */
export const traceObjectSchema = objectOption({
  ...traceLists,
  ...learnedFacts,
  onViolation: z
    .union(
      [
        z.enum(['kill', 'report'], { error: "'kill', 'report' or a function" }),
        opaqueOption<ViolationDecision>(
          { type: 'function', allowed: "'kill', 'report' or a function" },
          (value) => typeof value === 'function',
        ),
      ],
      { error: "'kill', 'report' or a function" },
    )
    .register(optionFacts, { type: 'string or function', allowed: "`'kill'`, `'report'`, a function" })
    .nullable()
    .default(null)
    .describe(
      "What follows a violation besides the event `jailbreak`. A function is given the violation and returns `'kill'` or `'report'`, or a promise of it; nothing returned counts as `'report'`. Default: `'kill'`.",
    ),
  calls: callsOption()
    .default('named')
    .describe(
      '`named`: calls that name a file, a program, an address or a process. `all`: every call, which is many times slower.',
    ),
  log: hostPathOption('the log')
    .nullable()
    .default(null)
    .describe(
      'File on this host that gets every event as one line of JSON. It must not exist yet, is readable for its owner alone, and has at most 8 GiB; more ends the sandbox.',
    ),
  maxQueuedEvents: integerOption({ min: 1, max: 1_000_000, unit: 'events' })
    .default(10_000)
    .describe('Events kept for each slow reader of `sandbox.trace.events()`; it is told how many it missed.'),
  maxLagMs: integerOption({ min: 100, max: 600_000, unit: 'ms' })
    .default(10_000)
    .describe('How far the trace may fall behind before the sandbox is ended with `TraceUnavailableError`.'),
  pinCpu: booleanOption()
    .default(true)
    .describe(
      'Keeps tracer and guest on one CPU where `limits.cpuCount` is at most 1: a traced call then costs an eighth.',
    ),
}).transform((given): ResolvedTraceOptions => {
  const { read, write, exec, connect, onViolation, version: _version, syscalls: _syscalls, ...options } = given
  const judges = [read, write, exec, connect, onViolation].some((given) => given !== null)
  const policy = judges
    ? Object.freeze({
        read: read ?? defaultList('read'),
        write: write ?? defaultList('write'),
        exec: exec ?? defaultList('exec'),
        connect: connect ?? Object.freeze([]),
      })
    : null
  return markResolved({ policy, onViolation: onViolation ?? 'kill', ...options })
})

/** Results of the schema: they are taken back as they are, since checked options may be checked again. */
const resolved = new WeakSet()

function markResolved(options: ResolvedTraceOptions): ResolvedTraceOptions {
  resolved.add(Object.freeze(options))
  return options
}

/** `trace`: not at all, only watched, or judged by a policy. */
export const traceSchema = z
  .union(
    [
      z.null().transform(() => null),
      z.boolean().transform((traced) => (traced ? traceObjectSchema.parse({}) : null)),
      traceObjectSchema,
      z.custom<ResolvedTraceOptions>((value) => typeof value === 'object' && value !== null && resolved.has(value), {
        error: TRACE_ALLOWED,
      }),
    ],
    { error: TRACE_ALLOWED },
  )
  .register(optionFacts, { type: 'boolean or object', allowed: '`false`, `true`, or an object as [below](#trace)' })

/** What a caller gives as the long form of `trace`. */
export type TraceObjectOptions = z.input<typeof traceObjectSchema>
/** What a caller gives as `trace`. */
export type TraceOptions = boolean | TraceObjectOptions

/** @returns why sandboxes of a runtime cannot be traced, or `null` where that is seen when the tracer attaches */
export function traceRuntimeProblem(runtime: string): string | null {
  return isGvisor(runtime)
    ? "gVisor's kernel lets no other container trace its processes: leave `trace` out, or choose runtime 'runc'"
    : null
}

function defaultList(list: TracePathList): readonly ResolvedPathPattern[] {
  return Object.freeze([...parsePathEntry(DEFAULT_SET, list)])
}

function pathList(list: TracePathList) {
  return patternList(PATHS_ALLOWED, 'array of patterns', (entry) => parsePathEntry(entry, list))
}

function patternList<T>(allowed: string, type: string, parse: (entry: unknown) => readonly T[]) {
  const pattern = z.custom<TracePattern>().transform((entry, context): readonly T[] => {
    try {
      return parse(entry)
    } catch (error) {
      if (!(error instanceof PatternProblem)) throw error
      context.addIssue({ code: 'custom', message: allowed, input: entry, params: { hint: error.message } })
      return z.NEVER
    }
  })
  const list = z
    .array(pattern, { error: 'an array of patterns' })
    .max(MAX_PATTERNS, { error: 'at most 10,000 patterns' })
    .transform((entries): readonly T[] => Object.freeze(entries.flat()))
    .register(optionFacts, { type, allowed: 'at most 10,000' })
    .nullable()
  return (list as z.ZodType<readonly T[] | null, readonly TracePattern[] | null>).default(null)
}
