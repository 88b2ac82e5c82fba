/** The errors that a trace ends its sandbox with. */
import { JailbreakError, TraceUnavailableError } from '../errors.js'
import { printable } from '../printable.js'
import type { Violation } from './event.js'

/** @param message what is wrong with the trace */
export function unavailable(message: string): TraceUnavailableError {
  return new TraceUnavailableError(`${message}. The sandbox does not run untraced.`)
}

/** What the guest is killed for. */
export function jailbreakOf(violation: Violation): JailbreakError {
  const name = printable(violation.path ?? violation.file, 500)
  return new JailbreakError(
    `the trace policy does not allow to ${violation.access} ${name} (${violation.syscall}, process ${violation.processId})`,
    { details: { violation } },
  )
}
