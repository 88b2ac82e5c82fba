/** What trace mode tells: the public shapes of its events. */

/** What was done to a name. */
export type TraceMode = 'read' | 'write' | 'create' | 'remove' | 'rename' | 'metadata' | 'exec' | 'connect' | 'bind'

/** Which list of a policy decides: one of the four rights. */
export type TraceAccess = 'read' | 'write' | 'exec' | 'connect'

/** What every event has. */
export interface TraceEventBase {
  /** From 1, one higher with every event of the sandbox. */
  readonly seq: number
  /** Milliseconds since 1970, microseconds as fraction: when the call was entered. */
  readonly timeMs: number
  /** The thread, in the sandbox's PID namespace. */
  readonly pid: number
  /** The process that the thread belongs to. */
  readonly processId: number
  /** The `run`, `spawn` or program that the process descends from; `null` when that cannot be told. */
  readonly commandId: number | null
  /** The command line of the process: the arguments of its last successful execve, at most 64 of 512 characters. */
  readonly command: readonly string[]
}

/** A name was used: one event for each name of a call. */
export interface AccessEvent extends TraceEventBase {
  readonly kind: 'access'
  readonly syscall: string
  readonly mode: TraceMode
  readonly access: TraceAccess
  /**
   * The name as the guest gave it: a claim, because another thread can change it between the kernel's reading and strace's.
   * For a connection the address: `10.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@abstract`.
   */
  readonly file: string
  /** The absolute path that was meant, `.` and `..` resolved; for a connection the address. `null` when it cannot be told. */
  readonly path: string | null
  /** `descriptor`: the kernel's own path of what was opened, links followed. `name`: computed from the name. */
  readonly resolution: 'descriptor' | 'name' | null
  /** What the call returned; `null` when it never did. */
  readonly result: number | null
  /** `ENOENT` and the like; `null` when the call succeeded. */
  readonly errno: string | null
  /** What the policy says; `true` without a policy. */
  readonly allowed: boolean
}

/** A process or thread came to be, or ended. */
export interface ProcessEvent extends TraceEventBase {
  readonly kind: 'start' | 'exit'
  /** Only threads of one process share their `processId`. */
  readonly thread: boolean
  /** `start`: the process that made it. */
  readonly parentId: number | null
  readonly exitCode: number | null
  readonly signal: string | null
}

/** A socket was made: `family` and `type` as strace names them, `AF_INET` and `SOCK_STREAM|SOCK_CLOEXEC`. */
export interface SocketEvent extends TraceEventBase {
  readonly kind: 'socket'
  readonly family: string
  readonly type: string
  readonly errno: string | null
}

/** A process sent a signal by `kill` or one of its kin. */
export interface KillEvent extends TraceEventBase {
  readonly kind: 'kill'
  readonly syscall: string
  readonly target: number
  readonly sent: string
  readonly errno: string | null
}

/** The kernel refused a call that names no file: seccomp (`SIGSYS`), or with `calls: 'all'` any call that it answers `EPERM`. */
export interface RefusedEvent extends TraceEventBase {
  readonly kind: 'refused'
  readonly syscall: string
  /** `x86_64`, `i386`, `x32`. */
  readonly architecture: string
  readonly errno: string | null
}

/** A line of strace that was not understood, cut and escaped. */
export interface UnknownEvent {
  readonly kind: 'unknown'
  readonly seq: number
  readonly text: string
}

/** A reader of `events()` was too slow: so many events were left out at this place. */
export interface GapEvent {
  readonly kind: 'gap'
  readonly dropped: number
}

/** One thing that trace mode saw. */
export type TraceEvent = AccessEvent | ProcessEvent | SocketEvent | KillEvent | RefusedEvent | UnknownEvent

/** What `jailbreak` tells: an access that the policy does not allow. */
export interface Violation extends AccessEvent {
  readonly allowed: false
}
