/** What this process holds, without the garbage that nobody has collected yet: when that is done is up to chance. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that are reachable: objects, and buffers outside the heap. Stops this process while it counts. */
export function heldBytes(): number {
  collectGarbage()
  // Buffers are freed on another thread; the next collection begins by waiting for it.
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
