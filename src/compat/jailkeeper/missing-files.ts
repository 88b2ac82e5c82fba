/**
 * Reads of what the host has and the jail has not.
 *
 * The sandbox answers ENOENT to them, which is no violation of its policy: nothing is there. To the user of a jail it is the
 * jailbreak that the old package told of, so the host looks whether it has such a file, as the old package did.
 */
import { existsSync } from 'node:fs'
import { traceObjectSchema } from '../../options/trace-options.js'
import type { TraceEvent } from '../../trace/index.js'
import { compilePolicy } from '../../trace/policy/index.js'
import type { Grants } from './grants.js'

/** Processes have other numbers inside than on the host. */
const PROCESS_FILE = /^\/proc\/\d/

/** @returns a function that gives the path when an event is an attempt to read what only the host has, and else `null` */
export function missingFileJudge(trace: Grants['trace']): (event: TraceEvent) => string | null {
  const { policy } = traceObjectSchema.parse(trace)
  if (policy === null) return () => null
  const compiled = compilePolicy(policy, { home: [], scratch: [], mounts: [] })
  return (event) => {
    if (event.kind !== 'access' || (event.errno !== 'ENOENT' && event.errno !== 'ENOTDIR')) return null
    const { access, path, processId } = event
    if (path === null || (access !== 'read' && access !== 'exec') || PROCESS_FILE.test(path)) return null
    // Whoever may read or list it on the host sees there what is missing here.
    if (compiled.allows({ access, path, processId }) || compiled.allows({ access: 'read', path, processId }))
      return null
    return existsSync(path) ? path : null
  }
}
