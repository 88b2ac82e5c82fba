/**
 * Every error of the package. One root class, one code per kind of failure.
 *
 * A failing guest command is a result (`outcome`), never one of these. An error means that the package, the engine or
 * the host failed, that the guest broke the protocol, or that the caller misused the API.
 */

/** What every error carries besides its message. */
export interface SandboxErrorOptions {
  /** Facts for programs: sizes, limits, names. Guest text in here is already cut and escaped. */
  readonly details?: Readonly<Record<string, unknown>>
  /** `true` when the same call can succeed later without a change by the caller. Default `false`. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** The root of every error class of this package. */
export class SandboxError extends Error {
  /** A stable identifier, for example `ERR_INVALID_OPTIONS`; an errno name (`ENOENT`) for file and spawn failures. */
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean

  constructor(code: string, message: string, options: SandboxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.details = Object.freeze({ ...options.details })
    this.retryable = options.retryable ?? false
  }
}

/** An option or argument is wrong. `details.issues` lists each: path, what is allowed, what was given. */
export class InvalidOptionsError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_INVALID_OPTIONS', message, options)
  }
}

/** The object is in the wrong state for the call, for example a call on a sandbox that was killed before it started. */
export class InvalidStateError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_INVALID_STATE', message, options)
  }
}

/** No engine answers: not installed, not running, no permission on its socket, or it stopped answering. */
export class EngineUnavailableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ENGINE_UNAVAILABLE', message, { retryable: true, ...options })
  }
}

/** The engine answered a request with an error. `details.statusCode` is its HTTP status. */
export class EngineRequestError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ENGINE_REQUEST', message, options)
  }
}

/** A base image is missing or unfit, or an image could not be built. */
export class ImageError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_IMAGE', message, options)
  }
}

/** A home cannot be packed: missing, unreadable, too large, or it holds what an image may not hold. */
export class HomeError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_HOME', message, options)
  }
}

/** A user name is wrong, or no uid is left in the configured range. */
export class UserError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_USER', message, options)
  }
}

/**
 * A login was refused. It never tells why: an unknown user, a wrong password, an expired account and too many attempts are one
 * and the same, and neither the name nor the password stands in it (people type passwords into the field for names).
 */
export class LoginFailedError extends SandboxError {
  /** After this time in milliseconds the next attempt is checked again; before it, attempts fail unseen. */
  readonly retryAfterMs: number

  constructor(retryAfterMs: number, options: SandboxErrorOptions = {}) {
    const wait = retryAfterMs > 0 ? ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.` : ''
    super('ERR_LOGIN_FAILED', `Login failed.${wait}`, { ...options, details: { ...options.details, retryAfterMs } })
    this.retryAfterMs = retryAfterMs
  }
}

/** Nobody can log in, whoever it is: the password helper, the account database or the users' file cannot be used. */
export class LoginUnavailableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_LOGIN_UNAVAILABLE', message, options)
  }
}

/** What the engine and the kernel report differs from what was asked for. `details.mismatches` lists each difference. */
export class PolicyMismatchError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_POLICY_MISMATCH', message, options)
  }
}

/** The container did not become ready: the supervisor ended or stayed silent, or the program failed to load in time. */
export class StartupError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_STARTUP', message, options)
  }
}

/** The program is missing, has a syntax error, or threw while it was loaded. */
export class ProgramError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_PROGRAM', message, options)
  }
}

/** The inside sent something that the protocol does not allow. The sandbox is ended on the first one. */
export class ProtocolError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_PROTOCOL', message, options)
  }
}

/** Why a container ended. */
export type ExitReason =
  'exited' | 'killed' | 'oom' | 'lifetime' | 'lockup' | 'protocol' | 'engine' | 'startup' | 'jailbreak' | 'trace'

/** The sandbox ended while a call, stream or wait was pending, or it had ended before. */
export class SandboxExitedError extends SandboxError {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly reason: ExitReason

  constructor(
    message: string,
    exit: { readonly exitCode: number | null; readonly signal: string | null; readonly reason: ExitReason },
    options: SandboxErrorOptions = {},
  ) {
    super('ERR_SANDBOX_EXITED', message, { ...options, details: { ...options.details, ...exit } })
    this.exitCode = exit.exitCode
    this.signal = exit.signal
    this.reason = exit.reason
  }
}

/** The tracer could not attach, ended, failed, or fell behind for good: the sandbox does not go on untraced. */
export class TraceUnavailableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_TRACE_UNAVAILABLE', message, options)
  }
}

/** The guest did what the trace policy does not allow, and was killed for it. `details.violation` tells what. */
export class JailbreakError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_JAILBREAK', message, options)
  }
}

/** The supervisor or the program stopped answering pings. `details.target` is `'shovel'` or `'program'`. */
export class LockupError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_LOCKUP', message, options)
  }
}

/**
 * A plugin cannot be loaded, does not fit the others, loosened an option, or one of its hooks threw or did not return in time.
 * For a loosened option `details.field` names it.
 */
export class PluginError extends SandboxError {
  /** The plugin's name; that of its folder where it has told none. */
  readonly plugin: string
  /** For example `beforeLaunch`; `null` when it is not about a hook. */
  readonly hook: string | null

  constructor(plugin: string, hook: string | null, message: string, options: SandboxErrorOptions = {}) {
    super('ERR_PLUGIN', message, { ...options, details: { ...options.details, plugin, hook } })
    this.plugin = plugin
    this.hook = hook
  }
}

/** A call had no answer within its deadline. */
export class CallTimeoutError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_CALL_TIMEOUT', message, { retryable: true, ...options })
  }
}

/** The other side answered a call with an error. */
export class RpcError extends SandboxError {
  /** The JSON-RPC error code, for example −32601 for a method that is not exposed. */
  readonly rpcCode: number
  /** The `data` member of the JSON-RPC error: untrusted JSON. */
  readonly data: unknown

  constructor(rpcCode: number, message: string, data?: unknown, options?: SandboxErrorOptions) {
    super('ERR_RPC', message, options)
    this.rpcCode = rpcCode
    this.data = data
  }
}

/** A value cannot be sent: cyclic, a BigInt, too deep, or larger than a message may be. */
export class UnsendableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_UNSENDABLE', message, options)
  }
}

/** A cap of the package was reached: pending calls, open streams, processes. */
export class CapacityError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_CAPACITY', message, { retryable: true, ...options })
  }
}

/** A file operation in the guest failed. Shaped like the errors of `node:fs`: `code` is the errno name. */
export class GuestFileError extends SandboxError {
  readonly syscall: string
  readonly path: string

  constructor(errno: string, syscall: string, path: string, options?: SandboxErrorOptions) {
    super(errno, `${errno}: ${syscall} '${path}'`, options)
    this.syscall = syscall
    this.path = path
  }
}

/** A file operation on the host failed during a transfer. Shaped like the errors of `node:fs`: `code` is the errno name. */
export class HostFileError extends SandboxError {
  readonly path: string

  constructor(errno: string, what: string, path: string, options?: SandboxErrorOptions) {
    super(errno, `${errno}: ${what} '${path}' on the host`, options)
    this.path = path
  }
}

/** A command could not be started. Shaped like the `error` event of `child_process`: `code` is the errno name. */
export class SpawnError extends SandboxError {
  readonly syscall: string
  readonly path: string
  readonly spawnargs: readonly string[]

  constructor(errno: string, path: string, spawnargs: readonly string[], options?: SandboxErrorOptions) {
    super(errno, `spawn ${path} ${errno}`, options)
    this.syscall = `spawn ${path}`
    this.path = path
    this.spawnargs = spawnargs
  }
}

/** An archive from the guest holds an entry that may not be written to the host. Nothing outside the target was touched. */
export class UnsafeArchiveError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_UNSAFE_ARCHIVE', message, options)
  }
}

/** `run(..., { check: true })`: the command did not exit with code 0. `result` is the whole result. */
export class CommandFailedError<R = unknown> extends SandboxError {
  readonly result: R

  constructor(message: string, result: R, options?: SandboxErrorOptions) {
    super('ERR_COMMAND_FAILED', message, options)
    this.result = result
  }
}
