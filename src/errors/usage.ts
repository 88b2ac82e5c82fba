/** What the caller did wrong. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

/** An option or argument is wrong. `details.issues` lists each: path, what is allowed, what was given. */
export class InvalidOptionsError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_INVALID_OPTIONS', message, options)
  }
}

/** The object is in the wrong state for the call, for example a call on a sandbox that was not started. */
export class InvalidStateError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_INVALID_STATE', message, options)
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
