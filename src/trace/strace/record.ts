/**
 * What a line of strace says, before anybody knows what the call means.
 *
 * Text that came from the guest (names, arguments) is decoded from strace's escapes to the bytes that it stood for, and those
 * to a string: UTF-8 where it is valid, and a lone surrogate U+DC80 to U+DCFF for each byte that is not, as Python's
 * `surrogateescape` does. So two different names never give the same string, and none is lost.
 */

/** A descriptor as strace's `-y` prints it: `3</etc/passwd>`, `AT_FDCWD</work>`, `4<socket:[5]>`, `5</tmp/a>(deleted)`. */
export interface DescriptorText {
  /** `null` for `AT_FDCWD`. */
  readonly fd: number | null
  /** What the descriptor leads to; `null` where strace printed none. */
  readonly path: string | null
  readonly deleted: boolean
}

/** What stands behind ` = `. */
export interface CallResult {
  /** `null` for `?`: the call never returned. */
  readonly value: number | null
  /** `ENOENT`, also the kernel's own `ERESTARTSYS`; `null` when the call succeeded. */
  readonly errno: string | null
  /** The annotation of a returned descriptor. */
  readonly path: string | null
  readonly deleted: boolean
}

/** A system call, entry and end joined. */
export interface CallRecord {
  readonly kind: 'call'
  /** The thread, in the sandbox's PID namespace. */
  readonly pid: number
  /** Milliseconds since 1970, with microseconds as fraction: when the call was entered. */
  readonly timeMs: number
  readonly name: string
  /** Each top-level argument exactly as strace printed it. `readString`, `readDescriptor` and their like take them apart. */
  readonly args: readonly string[]
  readonly result: CallResult
}

/** A call that has begun and was interrupted in the log by another thread's line; its {@link CallRecord} comes later. */
export interface EnteredRecord {
  readonly kind: 'entered'
  readonly pid: number
  readonly timeMs: number
  readonly name: string
  /** The arguments that were printed so far. */
  readonly args: readonly string[]
}

/** A thread has ended. */
export interface ExitRecord {
  readonly kind: 'exit'
  readonly pid: number
  readonly timeMs: number
  readonly exitCode: number | null
  /** `SIGKILL`; `null` when it exited. */
  readonly signal: string | null
}

/** The leader's id goes over to the thread `by`, which called execve; the other threads are gone. */
export interface SupersededRecord {
  readonly kind: 'superseded'
  readonly pid: number
  readonly timeMs: number
  readonly by: number
}

/** A signal was delivered. */
export interface SignalRecord {
  readonly kind: 'signal'
  readonly pid: number
  readonly timeMs: number
  readonly signal: string
  /** The fields of `siginfo_t` as printed: `si_code`, `si_pid`, and for `SIGSYS` also `si_syscall` and `si_arch`. */
  readonly fields: ReadonlyMap<string, string>
}

/** Something that strace says about itself or a thread, and that is no event: a stop, a change to 32-bit mode. */
export interface NoteRecord {
  readonly kind: 'note'
  readonly pid: number | null
  readonly timeMs: number | null
  readonly text: string
}

/** A line that is not understood: counted and shown, never dropped in silence. `text` is cut to 1,000 characters. */
export interface UnknownRecord {
  readonly kind: 'unknown'
  readonly text: string
}

/** One line, or two that were joined. */
export type TraceRecord =
  CallRecord | EnteredRecord | ExitRecord | SupersededRecord | SignalRecord | NoteRecord | UnknownRecord
