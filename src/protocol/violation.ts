/**
 * The other side sent something that the protocol does not allow.
 *
 * Internal: the host ends the sandbox and reports a `ProtocolError`, the shovel ends itself with exit code 70.
 */
export class ProtocolViolation extends Error {
  /** What was wrong, without any text of the other side except numbers. */
  readonly detail: string

  constructor(detail: string) {
    super(`protocol violation: ${detail}`)
    this.name = 'ProtocolViolation'
    this.detail = detail
  }
}
