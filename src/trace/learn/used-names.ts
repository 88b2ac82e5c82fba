/** The distinct names that a guest used, kept while it runs so that a policy can be made of them. */
import { InvalidStateError } from '../../errors.js'
import { BoundedTable, type TableLimits } from '../bounded-table.js'
import type { AccessEvent, TraceAccess } from '../event.js'
import { ownText } from '../own-text.js'
import { commonName, generalize, type UsedName } from './generalize.js'

/** A policy takes so many patterns in each list. */
const LIMITS: TableLimits = { maxEntries: 10_000, maxTextUnits: 2 * 1024 * 1024 }

/** The part of an access that a policy is learned from. */
export type LearnableAccess = Pick<AccessEvent, 'access' | 'mode' | 'syscall' | 'path' | 'processId' | 'errno'>

/** The names that a policy must allow for an access to be no violation. */
export function namesToAllow(event: LearnableAccess): readonly UsedName[] {
  const { access, path, processId } = event
  if (path === null || isNothingThere(event)) return []
  const name = { access, path: access === 'connect' ? path : commonName(path, processId), processId }
  // An open for writing can be one for both, and its event has one right: without the other the next run would fail.
  if (opensForWriting(event)) return [name, { ...name, access: 'read' }]
  return isLinked(event) ? [name, { ...name, access: 'write' }] : [name]
}

/** Reading, executing or connecting to what is not there is no violation, so it needs no pattern. */
function isNothingThere({ access, path, errno }: LearnableAccess): boolean {
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') return false
  return access === 'read' || access === 'exec' || (access === 'connect' && path?.startsWith('unix:/') === true)
}

function opensForWriting({ access, mode, syscall }: LearnableAccess): boolean {
  return access === 'write' && (mode === 'write' || mode === 'create') && syscall.startsWith('open')
}

/** A file that got one more name can be written by that: both rights were judged. */
function isLinked({ mode, syscall, errno }: LearnableAccess): boolean {
  return mode === 'read' && syscall.startsWith('link') && errno === null
}

/** Names in bounded memory: those for which one pattern stands are kept once. */
export class UsedNames {
  readonly #scratch: readonly string[]
  readonly #tables: Readonly<Record<TraceAccess, BoundedTable<UsedName>>>

  /** @param scratch the writable scratch folders */
  constructor(scratch: readonly string[], limits: TableLimits = LIMITS) {
    this.#scratch = scratch
    const table = () => new BoundedTable<UsedName>(limits)
    this.#tables = { read: table(), write: table(), exec: table(), connect: table() }
  }

  add(event: LearnableAccess): void {
    for (const name of namesToAllow(event)) {
      const key = generalize(name, this.#scratch) ?? name.path
      const table = this.#tables[name.access]
      if (table.get(key) !== undefined) continue
      const path = ownText(name.path)
      table.add(key === name.path ? path : ownText(key), { ...name, path })
    }
  }

  /**
   * One name for each pattern that is needed.
   * @throws {InvalidStateError} when there were more names than are kept, since the policy would lack them
   */
  toList(): UsedName[] {
    const full = Object.entries(this.#tables).find(([, table]) => table.omitted > 0)
    if (full === undefined)
      return Object.values(this.#tables).flatMap((table) => [...table.entries()].map(([, name]) => name))
    throw new InvalidStateError(
      `no policy can be learned: more than ${full[1].size} different names were used (list '${full[0]}'). ` +
        'Write the policy by hand, with folders instead of files.',
    )
  }
}
