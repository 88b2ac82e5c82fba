import {
  CapacityError,
  GuestFileError,
  HostFileError,
  InvalidOptionsError,
  SandboxError,
  SourceError,
} from '../../errors.js'
import { printable } from '../../printable.js'

/**
 * What went wrong with a source, as a {@link SourceError} where it is about the source or the room for it. Errors about the
 * sandbox and archives that are not safe stay what they are, and so does the reason of an abort.
 */
export function sourceFailure(error: unknown, context: { readonly signal: AbortSignal }): unknown {
  if (context.signal.aborted) return context.signal.reason
  if (error instanceof GuestFileError) return guestFailure(error)
  if (error instanceof CapacityError) {
    return new SourceError(`The source is too large: ${error.message}.`, {
      details: { why: 'too large' },
      cause: error,
    })
  }
  if (error instanceof HostFileError || error instanceof InvalidOptionsError) {
    return new SourceError(`The source cannot be read: ${error.message}`, {
      details: { why: 'cannot be read' },
      cause: error,
    })
  }
  if (error instanceof SandboxError) return error
  const { message } = error instanceof Error ? error : new Error(String(error))
  return new SourceError(`The source cannot be read: ${printable(message, 300)}`, {
    details: { why: 'cannot be read' },
    cause: error,
  })
}

function guestFailure(error: GuestFileError): SourceError {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new SourceError(
      'The source does not fit into the workspace: raise workspace.sizeBytes, or give a smaller source.',
      { details: { why: 'does not fit' }, cause: error },
    )
  }
  return new SourceError(`The source cannot be written into the workspace: ${error.message}`, {
    details: { why: 'cannot be written' },
    cause: error,
  })
}
