/** The output of a command that `run` follows: its beginning is kept, all of it is read, and it does not last for ever. */
import type { Readable } from 'node:stream'
import type { SandboxProcess } from './sandbox-process.js'

/** How long the outputs of a command that has ended may stay silent before they end too. Milliseconds. */
const DRAIN_MS = 30_000

/** Collects the first `limit` bytes of a stream and reads the rest without keeping it. */
export async function collectOutput(
  stream: Readable | null,
  limit: number,
  progress: { bytes: number },
): Promise<{ bytes: Buffer; total: number }> {
  const chunks: Buffer[] = []
  let total = 0
  if (stream !== null) {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (total < limit) chunks.push(total + chunk.length > limit ? chunk.subarray(0, limit - total) : chunk)
        total += chunk.length
        progress.bytes += chunk.length
      }
    } catch {
      // The sandbox ended, or nothing more came: what came so far is the output, and `lost` says why there is no more.
    }
  }
  return { bytes: Buffer.concat(chunks), total }
}

/**
 * Closes the outputs of a command that has ended when nothing of them comes for {@link DRAIN_MS}: an honest supervisor ends
 * them at once.
 */
export function watchDrain(
  child: SandboxProcess,
  progress: { readonly bytes: number },
): { expired: boolean; stop(): void } {
  let timer: NodeJS.Timeout | undefined
  const watch = {
    expired: false,
    stop: () => {
      clearTimeout(timer)
      child.off('exit', onExit)
    },
  }
  const onExit = (): void => {
    const seen = progress.bytes
    timer = setTimeout(() => {
      if (progress.bytes !== seen) return onExit()
      watch.expired = true
      child.stdout?.destroy(new Error('the output never ended'))
      child.stderr?.destroy(new Error('the output never ended'))
    }, DRAIN_MS)
  }
  child.once('exit', onExit)
  return watch
}
