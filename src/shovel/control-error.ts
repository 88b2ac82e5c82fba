/** Errors that the shovel answers to the host with a code and data of their own. */
import { CONTROL_ERROR_FILE, CONTROL_ERROR_SPAWN } from '../protocol/control-codes.js'

/** PATH_MAX (limits.h); what is longer is no path. */
const MAX_PATH_CHARS = 4_096

/** A JSON-RPC error with its code and data; see docs/protocol.md for the codes. */
export class ControlError extends Error {
  readonly rpcCode: number
  readonly data: Readonly<Record<string, unknown>>

  constructor(rpcCode: number, message: string, data: Readonly<Record<string, unknown>>) {
    super(message)
    this.rpcCode = rpcCode
    this.data = data
  }
}

/** A command could not be started. */
export function spawnError(errno: string, stage: string): ControlError {
  return new ControlError(CONTROL_ERROR_SPAWN, `spawn ${errno}`, { errno, stage })
}

/** A file operation failed. `path` is the one that the host named. */
export function fileError(error: unknown, syscall: string, path: string): ControlError {
  if (error instanceof ControlError) return error
  const { code = '', syscall: failed = syscall } = error as NodeJS.ErrnoException
  const errno = /^E[A-Z0-9_]{1,31}$/.test(code) ? code : 'EIO'
  const shown = path.slice(0, MAX_PATH_CHARS)
  return new ControlError(CONTROL_ERROR_FILE, `${errno}: ${failed} '${shown}'`, { errno, syscall: failed, path: shown })
}

/** An error that `node:fs` could have thrown, for conditions that the kernel does not know. */
export function errnoError(code: string, syscall: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`), { code, syscall })
}
