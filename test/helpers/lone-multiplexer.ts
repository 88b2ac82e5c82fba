/** One multiplexer whose other side is the test. */
import { Multiplexer, type MultiplexerOptions, type ProtocolViolation } from '../../src/protocol/index.js'
import { parseFrames, type Frame } from './wire.js'

export interface LoneMultiplexer {
  readonly multiplexer: Multiplexer
  /** What it has written since the last call. */
  readonly written: () => Frame[]
  readonly violations: ProtocolViolation[]
  /** What `Transport.write` answers; `false` is a full transport. */
  writable: boolean
}

export function loneMultiplexer(options: Partial<MultiplexerOptions> = {}): LoneMultiplexer {
  let bytes: Buffer[] = []
  const violations: ProtocolViolation[] = []
  const lone: LoneMultiplexer = {
    multiplexer: new Multiplexer(
      {
        write(header, payload) {
          bytes.push(header)
          if (payload !== undefined) bytes.push(payload)
          return lone.writable
        },
      },
      { onControl: () => undefined, onViolation: (violation) => violations.push(violation), ...options },
    ),
    written() {
      const frames = parseFrames(Buffer.concat(bytes))
      bytes = []
      return frames
    },
    violations,
    writable: true,
  }
  return lone
}

/** Handlers that note what they are told. */
export function recordingReceiver() {
  const chunks: Buffer[] = []
  const events: string[] = []
  return {
    events,
    chunks,
    get bytes(): Buffer {
      return Buffer.concat(chunks)
    },
    handlers: {
      onData: (chunk: Buffer) => void chunks.push(Buffer.from(chunk)),
      onEnd: () => void events.push('end'),
      onReset: (code: number) => void events.push(`reset ${code}`),
    },
  }
}

export function recordingSender() {
  const events: string[] = []
  return {
    events,
    handlers: {
      onWritable: () => void events.push('writable'),
      onReset: (code: number) => void events.push(`reset ${code}`),
    },
  }
}
