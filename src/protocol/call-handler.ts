import { ProtocolViolation } from './violation.js'

/**
 * Runs a handler of a stream. A violation that it throws counts as the other side's; any other error is a defect of the
 * caller: it surfaces as uncaught, and the channel stays whole.
 */
export function callHandler(handler: () => void): void {
  try {
    handler()
  } catch (error) {
    if (error instanceof ProtocolViolation) throw error
    queueMicrotask(() => {
      throw error
    })
  }
}
