/** The ready-made sets of trace policies by name, and the lists that hold where none is given. */
import { nearestName } from './nearest-name.js'

/** What each set stands for, as docs/options.md says it. What is in them: `src/trace/policy/sets.ts`. */
export const TRACE_SETS = {
  '@runtime':
    "the supervisor's `/.sandbox`, the process's own `/proc/<pid>`, and what interpreters ask of `/proc` and `/sys`",
  '@devices':
    '`/dev/null`, `/dev/urandom`, the terminal, `/dev/shm` and the like; pipes and sockets by their descriptor',
  '@libraries': "libraries, headers and shared data of the base, and the base's public configuration in `/etc`",
  '@programs': 'the folders of programs: `/bin`, `/usr/bin`, `/usr/libexec` and the like',
  '@home': "the user's files",
  '@scratch': '`/tmp` and the paths of `writable`',
  '@mounts': 'the targets of `mounts`; in `write` only of the writable ones',
  '@caches':
    '`__pycache__` folders in the home and in mounts: Python tries to write them, and a read-only root refuses it',
} as const

/** The name of a ready-made set. */
export type TraceSetName = keyof typeof TRACE_SETS

/** A list that names files. */
export type TracePathList = 'read' | 'write' | 'exec'

/** What is allowed where a list is left out, and what `'@default'` stands for in it. */
export const TRACE_DEFAULTS: Readonly<Record<TracePathList, readonly TraceSetName[]>> = Object.freeze({
  read: ['@runtime', '@devices', '@libraries', '@programs', '@home', '@scratch', '@mounts'],
  write: ['@runtime', '@devices', '@scratch', '@mounts', '@caches'],
  exec: ['@runtime', '@programs', '@libraries', '@home', '@scratch', '@mounts'],
})

/** Stands for all sets of the list's default. */
export const DEFAULT_SET = '@default'

const SET_NAMES = Object.keys(TRACE_SETS) as TraceSetName[]

/** @returns the sets that a name such as `@home` stands for in a list; empty when there is none of that name */
export function traceSets(name: string, list: TracePathList): readonly TraceSetName[] {
  if (name === DEFAULT_SET) return TRACE_DEFAULTS[list]
  return SET_NAMES.filter((known) => known === name)
}

/** What to do about a name that no set has. */
export function unknownSetHint(name: string): string {
  const known = [...SET_NAMES, DEFAULT_SET]
  const nearest = nearestName(name, known)
  return nearest === null ? `the sets are ${known.join(', ')}` : `did you mean '${nearest}'?`
}
