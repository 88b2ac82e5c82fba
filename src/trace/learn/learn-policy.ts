/** From what was seen to a policy that allows just that. */
import { InvalidOptionsError } from '../../errors.js'
import type { TraceAccess, TraceEvent } from '../event.js'
import type { PolicyContext } from '../policy.js'
import { compareText } from '../summary-lists.js'
import type { LearnedPattern } from './exact-pattern.js'
import { patternFor, type UsedName } from './generalize.js'
import { UsedNames } from './used-names.js'

/** A policy that was learned: plain JSON. `--policy` and the option `trace` take it as it is. */
export interface LearnedPolicy {
  readonly version: 1
  readonly read: readonly LearnedPattern[]
  readonly write: readonly LearnedPattern[]
  readonly exec: readonly LearnedPattern[]
  readonly connect: readonly LearnedPattern[]
  /**
   * Every system call that was used, for `tightenSeccomp`. `null` when not all calls were traced (`trace.calls: 'named'`):
   * what is not listed may have been used then.
   */
  readonly syscalls: readonly string[] | null
}

/** What a policy is learned from. */
export interface LearnInput {
  /** Names that were used, or whole events; other events than accesses are passed over. */
  readonly events: Iterable<TraceEvent | UsedName>
  /** The names of all calls that were used; `null` when not all were traced. */
  readonly syscalls: Iterable<string> | null
  readonly context: Pick<PolicyContext, 'scratch'>
}

/**
 * Allows every path and address that was seen, each exactly and for what it was used for. Names that no second run would have
 * again are the exception: see `generalize`.
 * @throws {InvalidStateError} when more was seen than a policy can hold
 */
export function learnPolicy({ events, syscalls, context }: LearnInput): LearnedPolicy {
  const { scratch } = context
  const lists = {
    read: new PatternList(),
    write: new PatternList(),
    exec: new PatternList(),
    connect: new PatternList(),
  }
  for (const name of distinctNames(events, scratch)) lists[name.access].add(patternFor(name, scratch))
  return {
    version: 1,
    read: lists.read.toList(),
    write: lists.write.toList(),
    exec: lists.exec.toList(),
    connect: lists.connect.toList(),
    syscalls: syscalls === null ? null : [...new Set(syscalls)].sort(compareText),
  }
}

/**
 * Allows what any of several runs did.
 * @returns `syscalls` is `null` when one of the runs did not trace all calls
 * @throws {InvalidOptionsError} for none
 */
export function mergeLearned(policies: readonly LearnedPolicy[]): LearnedPolicy {
  if (policies.length === 0) throw new InvalidOptionsError('there is no policy to merge: give one or more')
  const merged = (list: TraceAccess): LearnedPattern[] => {
    const patterns = new PatternList()
    for (const policy of policies) for (const pattern of policy[list]) patterns.add(pattern)
    return patterns.toList()
  }
  const syscalls = policies.map((policy) => policy.syscalls)
  return {
    version: 1,
    read: merged('read'),
    write: merged('write'),
    exec: merged('exec'),
    connect: merged('connect'),
    syscalls: syscalls.every((names) => names !== null) ? [...new Set(syscalls.flat())].sort(compareText) : null,
  }
}

/** Patterns without repetition, in an order that is the same for the same patterns. */
class PatternList {
  readonly #patterns = new Map<string, LearnedPattern>()

  add(pattern: LearnedPattern): void {
    this.#patterns.set(typeof pattern === 'string' ? pattern : `{${pattern.regexp}`, pattern)
  }

  toList(): LearnedPattern[] {
    return [...this.#patterns].sort(([left], [right]) => compareText(left, right)).map(([, pattern]) => pattern)
  }
}

function* distinctNames(events: Iterable<TraceEvent | UsedName>, scratch: readonly string[]): Iterable<UsedName> {
  const used = new UsedNames(scratch)
  for (const event of events) {
    if (!('kind' in event)) yield event
    else if (event.kind === 'access') used.add(event)
  }
  yield* used.toList()
}
