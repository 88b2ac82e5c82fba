/** What this process holds, without the garbage that nobody has collected yet: when that is done is up to chance. */
const collectGarbage = globalThis.gc

/** Bytes that are reachable: objects, and buffers outside the heap. Stops this process while it counts. */
export function heldBytes(): number {
  if (collectGarbage === undefined) throw new Error('node was started without --expose-gc; vitest.config.ts gives it')
  collectGarbage()
  // Buffers are freed on another thread; the next collection begins by waiting for it.
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
