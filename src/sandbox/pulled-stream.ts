import { Readable } from 'node:stream'

/** What a reader may be ahead of, in bytes. */
const HIGH_WATER_BYTES = 256 * 1024

/**
 * A stream of what a generator yields. Unlike that of `Readable.from`, its `destroy` does not wait for a generator that itself
 * waits: `stop` ends what the generator waits for, and nobody waits for the rest.
 */
export function pulledStream(generator: AsyncGenerator<Buffer, unknown, void>, stop: () => void): Readable {
  const stream: Readable = new Readable({
    highWaterMark: HIGH_WATER_BYTES,
    read() {
      generator.next().then(
        ({ done, value }) => stream.push(done === true ? null : value),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      )
    },
    destroy(error, done) {
      stop()
      generator.return(undefined).catch(() => undefined)
      done(error)
    },
  })
  return stream
}
