/** The seam between what was seen and what is allowed. */
import type { TraceAccess } from './event.js'

/** What is judged. */
export interface JudgedAccess {
  readonly access: TraceAccess
  /** The absolute path, or the address of a connection. */
  readonly path: string
  /** The process that did it: `/proc/<its id>` is its own. */
  readonly processId: number
}

/** A compiled policy. */
export interface TracePolicy {
  /** `true` when a list of the policy has the path. Pure, and cheap for the same path again. */
  allows(access: JudgedAccess): boolean
}

/** What the ready-made sets of a policy stand for in one sandbox. All paths are absolute guest paths. */
export interface PolicyContext {
  /** What the home put at `/`: files and folders, for example `/main.c` and `/src`. */
  readonly home: readonly string[]
  /** Writable scratch: `/tmp` and what `writable` names. */
  readonly scratch: readonly string[]
  readonly mounts: readonly { readonly target: string; readonly writable: boolean }[]
}
