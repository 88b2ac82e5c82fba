/** What a call, a command or a file of the guest fails with. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

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
