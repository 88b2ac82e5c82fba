/** How the arguments of a traced call are to be read. Numbers are positions among the arguments, from 0. */
import type { TraceAccess, TraceMode } from '../event.js'

/** One name among the arguments of a call. */
export interface NameArgument {
  readonly mode: TraceMode
  readonly access: TraceAccess
  /** The name; `null` when the call is about the descriptor itself, as `fchmod`. */
  readonly path: number | null
  /** The descriptor that the name starts from, or that is meant; `null` for the working directory. */
  readonly dirfd: number | null
  /** Flags in which `…EMPTY_PATH` can be; `always` when an empty name means the descriptor without being asked. */
  readonly flags: number | 'always' | null
}

/** Uses names in a way that its arguments do not change. */
export interface NamingCall {
  readonly does: 'name'
  readonly names: readonly NameArgument[]
  /** What stands before a name that is in no folder of its own. */
  readonly prefix?: string
  /** Names nothing unless one of these is the given argument. */
  readonly onlyWhen?: { readonly argument: number; readonly values: readonly string[] }
}

/** Opens: its flags decide what for, and what it returns is annotated with the path that was opened. */
export interface OpeningCall {
  readonly does: 'open'
  /** `null` when a handle stands for the name. */
  readonly path: number | null
  readonly dirfd: number | null
  /** `null` for `creat`. For `openat2` a structure with the member `flags`. */
  readonly flags: number | null
  /** As with {@link NamingCall}. */
  readonly prefix?: string
}

/** Uses the address of a socket. */
export interface AddressCall {
  readonly does: 'address'
  readonly mode: 'connect' | 'bind'
  readonly argument: number
  /** `message`: the member `msg_name`; `messages`: a list of those. */
  readonly within: 'argument' | 'message' | 'messages'
}

/** Makes a process or a thread. */
export interface StartingCall {
  readonly does: 'start'
  /** Where the flags are; `null` for `fork` and `vfork`, which have none. */
  readonly flags: number | null
}

/** Sends a signal. */
export interface SignallingCall {
  readonly does: 'signal'
  /** The thread or process that it goes to. */
  readonly target: number
  readonly signal: number
}

/** Makes a socket. */
export interface SocketCall {
  readonly does: 'socket'
}

/** Stops sharing the working directory. */
export interface UnsharingCall {
  readonly does: 'unshare'
}

/** What a traced call does with its arguments. */
export type TracedCall =
  NamingCall | OpeningCall | AddressCall | StartingCall | SignallingCall | SocketCall | UnsharingCall
