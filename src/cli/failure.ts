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

/**
 * `limits.memoryBytes` becomes `--memory`, wherever it stands; a name that could be any word becomes a flag only where the
 * message is about its value: `mounts[0].source: got …` becomes `--mount (mounts[0].source): got …`.
 */
function nameFlags(message: string): string {
  const flagOf = (path: string): string | undefined =>
    Object.hasOwn(FLAG_OF_OPTION, path) ? FLAG_OF_OPTION[path] : undefined
  return message
    .replace(/\b(?:limits|users?)\.[a-zA-Z]+/g, (path) => flagOf(path) ?? path)
    .replace(
      /(^|: |- )([a-zA-Z]+)(\[\d+\]\S*|\.\S+)?(?=: got )/gm,
      (whole, before: string, path: string, rest = '') => {
        const flag = flagOf(path)
        if (flag === undefined) return whole
        return rest === '' ? `${before}${flag}` : `${before}${flag} (${path}${rest})`
      },
    )
}
