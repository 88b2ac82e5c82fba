/** From the stream of a command to whoever takes its text, with backpressure. */
import type { Readable } from 'node:stream'
import { OutputDecoder } from './output-decoder.js'
import type { SecretMasker } from './secret-masker.js'

/** How long an unfinished line waits for its end, in milliseconds: a prompt or a progress bar is shown soon. */
export const DEFAULT_LINGER_MS = 200

/** What {@link forwardOutput} needs. */
export interface ForwardOptions {
  readonly masker: SecretMasker
  /** Takes one piece of text; nothing more is read before it resolves. */
  readonly emit: (text: string) => Promise<void>
  /** Default {@link DEFAULT_LINGER_MS}. */
  readonly lingerMs?: number
}

/**
 * Reads a stream to its end and hands on its text, masked, in pieces as of {@link OutputDecoder}.
 *
 * @returns the bytes that were read
 * @throws what the stream fails with, after all that came before it was handed on, and what `emit` fails with, after the stream
 * was destroyed
 */
export async function forwardOutput(stream: Readable, options: ForwardOptions): Promise<number> {
  const { emit, lingerMs = DEFAULT_LINGER_MS } = options
  const decoder = new OutputDecoder(options.masker)
  let timer: NodeJS.Timeout | null = null
  let handed: Promise<void> = Promise.resolve()
  let bytes = 0

  /** One after the other, and none after one that failed. */
  const hand = (pieces: readonly string[]): Promise<void> => {
    handed = handed.then(async () => {
      for (const piece of pieces) await emit(piece)
    })
    return handed
  }
  const linger = (): void => {
    timer = null
    hand(decoder.flush()).catch(() => stream.destroy())
  }
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      await hand(decoder.push(chunk))
      if (decoder.hasLine) timer ??= setTimeout(linger, lingerMs)
    }
  } finally {
    if (timer !== null) clearTimeout(timer)
    await hand(decoder.end())
  }
  return bytes
}
