/** Whether trace options that a plugin chose see no less, and allow no more, than those that were there. */
import { isDeepStrictEqual } from 'node:util'
import type { ResolvedSandboxOptions } from '../options/index.js'

type Trace = NonNullable<ResolvedSandboxOptions['trace']>
type Policy = NonNullable<Trace['policy']>
type Entry = Policy[keyof Policy][number]

const LISTS = ['read', 'write', 'exec', 'connect'] as const

/** @returns the option that is looser, `''` for all of them, or `null` */
export function looserTrace(before: Trace | null, after: Trace | null): string | null {
  if (before === null) return null
  if (after === null) return ''
  if (before.policy !== null) {
    if (after.policy === null) return 'policy'
    const list = findLooserList(before.policy, after.policy)
    if (list !== undefined) return list
    if (isLooserReaction(before.onViolation, after.onViolation)) return 'onViolation'
  }
  if (before.log !== null && after.log !== before.log) return 'log'
  if (after.maxLagMs > before.maxLagMs) return 'maxLagMs'
  return (['calls', 'maxQueuedEvents', 'pinCpu'] as const).find((key) => after[key] !== before[key]) ?? null
}

function findLooserList(before: Policy, after: Policy): string | undefined {
  return LISTS.find((list) => !after[list].every((entry) => before[list].some((known) => covers(known, entry))))
}

/** The same pattern, or a path at or below one that was allowed. Whether other patterns allow less is not looked into. */
function covers(known: Entry, entry: Entry): boolean {
  if (isDeepStrictEqual(known, entry)) return true
  if (known.kind !== 'path' || entry.kind !== 'path') return false
  if (!('path' in known) || !('path' in entry)) return false
  return known.path === '/' || entry.path === known.path || entry.path.startsWith(`${known.path}/`)
}

/** A function is given each violation and may kill, which is no less than to report it. */
function isLooserReaction(before: Trace['onViolation'], after: Trace['onViolation']): boolean {
  if (after === before || after === 'kill') return false
  return !(before === 'report' && typeof after === 'function')
}
