/**
 * A policy as something that answers.
 *
 * A list decides alone: what `read` has is not writable, what `write` has is not readable. In `read` the folders on the way to an
 * entry are readable too, each by itself: who may read `/work/a` may look at `/work` and `/` and list them, since programs
 * look at every folder on their way (realpath(3), `git`, Node's module loader). Of a regular expression no such folders are known.
 */
import type { ResolvedPathPattern, ResolvedTracePolicy, TracePathList } from '../../options/index.js'
import type { TraceAccess } from '../event.js'
import type { PolicyContext, TracePolicy } from '../policy.js'
import { AddressMatcher } from './address-matcher.js'
import { namesOf } from './own-process.js'
import { PathMatcher } from './path-matcher.js'
import { expandSet } from './sets.js'
import { VerdictCache } from './verdict-cache.js'

/**
 * @param policy the checked lists
 * @param context what the sets `@home`, `@scratch` and `@mounts` stand for
 * @returns a policy that answers from memory where the same was asked before
 */
export function compilePolicy(policy: ResolvedTracePolicy, context: PolicyContext): TracePolicy {
  const lists: Record<TraceAccess, (name: string) => boolean> = {
    read: remember(compileList(policy.read, 'read', context)),
    write: remember(compileList(policy.write, 'write', context)),
    exec: remember(compileList(policy.exec, 'exec', context)),
    connect: remember(new AddressMatcher(policy.connect)),
  }
  return {
    allows: ({ access, path, processId }) => {
      const allows = lists[access]
      return access === 'connect' ? allows(path) : namesOf(path, processId).some(allows)
    },
  }
}

function compileList(patterns: readonly ResolvedPathPattern[], list: TracePathList, context: PolicyContext) {
  const expanded = patterns.flatMap((pattern) =>
    pattern.kind === 'set' ? expandSet(pattern.set, list, context) : pattern,
  )
  return new PathMatcher(expanded, { withAncestors: list === 'read' })
}

function remember(matcher: { matches(name: string): boolean }): (name: string) => boolean {
  const cache = new VerdictCache()
  const judge = (name: string): boolean => matcher.matches(name)
  return (name) => cache.get(name, judge)
}
