import { InvalidOptionsError, SandboxError } from '../errors.js'
import { FLAG_OF_OPTION } from './run-flags.js'

/** An error as the command line shows it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Turns whatever was thrown into something to print. Options are named by the flag that the user typed. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof SandboxError) {
    const message = error instanceof InvalidOptionsError ? nameFlags(error.message) : error.message
    return { code: error.code, message, details: error.details }
  }
  if (error instanceof Error) return { code: 'ERR_UNEXPECTED', message: error.stack ?? error.message, details: {} }
  return { code: 'ERR_UNEXPECTED', message: String(error), details: {} }
}

/** `limits.memoryBytes: got …` becomes `--memory (limits.memoryBytes): got …`. */
function nameFlags(message: string): string {
  return message.replace(
    /(^|: |- )([a-zA-Z]+(?:\.[a-zA-Z]+)*)(\[\d+\]\S*)?(?=: got )/gm,
    (whole, before: string, path: string) => {
      const flag = Object.hasOwn(FLAG_OF_OPTION, path) ? FLAG_OF_OPTION[path] : undefined
      return flag === undefined ? whole : `${before}${flag} (${whole.slice(before.length)})`
    },
  )
}
