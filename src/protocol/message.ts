/**
 * Messages on the control stream and the program's stream: u32be length, then that many bytes of UTF-8 JSON.
 *
 * The decoder looks at the bytes before `JSON.parse` does: length, UTF-8, depth, number of values. A message that comes
 * in pieces is copied into a buffer that grows with what has really arrived, never with what was announced.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { UnsendableError } from '../errors.js'
import { assertCheapJson, removeProtoKeys } from './json-text.js'
import { MAX_MESSAGE_BYTES, MAX_MESSAGE_DEPTH, MAX_MESSAGE_VALUES, MESSAGE_VALUE_BYTES } from './limits.js'
import { isSendable } from './sendable.js'
import { describeUnsendable } from './unsendable.js'
import { ProtocolViolation } from './violation.js'

const LENGTH_BYTES = 4

/** The first allocation for a message that comes in pieces. */
const FIRST_BUFFER_BYTES = 65_536

function stringify(json: unknown): string {
  let problem: string
  try {
    if (isSendable(json)) {
      const text = JSON.stringify(json) as string | undefined
      if (text !== undefined) return text
      problem = '$: a value whose toJSON returns nothing cannot be sent'
    } else {
      problem = describeUnsendable(json)
    }
  } catch (cause) {
    throw new UnsendableError('the value cannot be sent: a getter, a proxy or toJSON in it threw', { cause })
  }
  throw new UnsendableError(problem)
}

/**
 * @param json - a whole message: JSON values; see `sendable.ts` for what becomes of `undefined`
 * @returns length and text in one new buffer
 * @throws {UnsendableError} naming the path of the member that cannot be sent, or when the message is over a cap
 */
export function encodeMessage(json: unknown): Buffer {
  const text = stringify(json)
  const length = Buffer.byteLength(text)
  if (length > MAX_MESSAGE_BYTES) {
    throw new UnsendableError(
      `the message has ${length} bytes of JSON, at most ${MAX_MESSAGE_BYTES} can be sent; send files or split it`,
      { details: { bytes: length, maxBytes: MAX_MESSAGE_BYTES } },
    )
  }
  const message = Buffer.allocUnsafe(LENGTH_BYTES + length)
  message.writeUInt32BE(length, 0)
  message.write(text, LENGTH_BYTES, 'utf8')
  return message
}

/** Caps of a {@link MessageDecoder}; the defaults are those of the protocol. */
export interface MessageLimits {
  /** Bytes of JSON text. Default 16 MiB. */
  readonly maxMessageBytes?: number
  /** Levels of arrays and objects. Default 64. */
  readonly maxDepth?: number
  /** Members of arrays and objects in all. Default 262,144. */
  readonly maxValues?: number
}

/** @throws {ProtocolViolation} when the bytes are not UTF-8 JSON within the caps */
function parseMessage(json: Buffer, maxDepth: number, maxValues: number): { value: unknown; cost: number } {
  if (!isUtf8(json)) throw new ProtocolViolation('a message that is not UTF-8')
  const values = assertCheapJson(json, maxDepth, maxValues)
  const text = json.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ProtocolViolation('a message that is not JSON')
  }
  // A key can be spelled with \u escapes. Our own encoder writes those for control characters only, so both are rare.
  if (text.includes('__proto__') || text.includes('\\u')) removeProtoKeys(value)
  return { value, cost: json.length + values * MESSAGE_VALUE_BYTES }
}

/** Splits a byte stream into messages, at whatever boundaries the chunks arrive. */
export class MessageDecoder {
  private readonly onMessage: (value: unknown, cost: number) => void
  private readonly maxMessageBytes: number
  private readonly maxDepth: number
  private readonly maxValues: number
  private readonly lengthBytes = Buffer.alloc(LENGTH_BYTES)
  private lengthFill = 0
  /** Bytes of the message that have not arrived; meaningless while the length is incomplete. */
  private missingBytes = 0
  private partial: Buffer | undefined
  private partialBytes = 0
  private closed = false

  /**
   * @param onMessage - called in order, while `push` runs; own `__proto__` members are already removed. `cost` is about what
   *   the value takes of the memory, in bytes.
   */
  constructor(onMessage: (value: unknown, cost: number) => void, limits: MessageLimits = {}) {
    this.onMessage = onMessage
    this.maxMessageBytes = limits.maxMessageBytes ?? MAX_MESSAGE_BYTES
    this.maxDepth = limits.maxDepth ?? MAX_MESSAGE_DEPTH
    this.maxValues = limits.maxValues ?? MAX_MESSAGE_VALUES
  }

  /** Bytes of an unfinished message that are held. */
  get bufferedBytes(): number {
    return this.partialBytes + this.lengthFill
  }

  /** @throws {ProtocolViolation} when a message breaks a cap or is not UTF-8 JSON; the decoder is then closed. */
  push(chunk: Buffer): void {
    let at = 0
    try {
      while (at < chunk.length && !this.closed) {
        at = this.lengthFill < LENGTH_BYTES ? this.takeLength(chunk, at) : this.takeBody(chunk, at)
      }
    } catch (error) {
      if (error instanceof ProtocolViolation) this.close()
      throw error
    }
  }

  /** Nothing is delivered any more; what is held is released. */
  close(): void {
    this.closed = true
    this.partial = undefined
    this.partialBytes = 0
  }

  private takeLength(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.lengthBytes, this.lengthFill, at, at + LENGTH_BYTES - this.lengthFill)
    this.lengthFill += copied
    if (this.lengthFill === LENGTH_BYTES) {
      this.missingBytes = this.lengthBytes.readUInt32BE(0)
      if (this.missingBytes === 0) throw new ProtocolViolation('an empty message')
      if (this.missingBytes > this.maxMessageBytes) {
        throw new ProtocolViolation(
          `a message of ${this.missingBytes} bytes, at most ${this.maxMessageBytes} are allowed`,
        )
      }
    }
    return at + copied
  }

  private takeBody(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.missingBytes, chunk.length)
    this.missingBytes -= end - at
    const whole = this.partial === undefined && this.missingBytes === 0
    if (!whole) this.collect(chunk, at, end)
    if (this.missingBytes > 0) return end
    const json = whole ? chunk.subarray(at, end) : (this.partial as Buffer).subarray(0, this.partialBytes)
    this.partial = undefined
    this.partialBytes = 0
    this.lengthFill = 0
    const { value, cost } = parseMessage(json, this.maxDepth, this.maxValues)
    this.onMessage(value, cost)
    return end
  }

  private collect(chunk: Buffer, at: number, end: number): void {
    const needed = this.partialBytes + end - at
    if (this.partial === undefined || this.partial.length < needed) {
      const total = needed + this.missingBytes
      const grown = Buffer.allocUnsafeSlow(Math.min(total, Math.max(needed, this.partialBytes * 2, FIRST_BUFFER_BYTES)))
      this.partial?.copy(grown, 0, 0, this.partialBytes)
      this.partial = grown
    }
    chunk.copy(this.partial, this.partialBytes, at, end)
    this.partialBytes = needed
  }
}
