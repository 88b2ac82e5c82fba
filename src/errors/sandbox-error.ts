/** The root of every error of the package. */

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
