/** How a sandbox fails or ends. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

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
