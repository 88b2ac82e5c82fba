/** How long the event loop of this process stands still. */
const INTERVAL_MS = 5

/** The longest pause between two turns. Milliseconds. */
export interface Pauses {
  /** By the clock: also when others have the processor. */
  readonly longestMs: number
  /** By the processor time that this process took meanwhile. */
  readonly busiestMs: number
}

/** @returns a function that ends the watch */
export function watchEventLoop(): () => Pauses {
  let [longestMs, busiestMs] = [0, 0]
  let [last, cpu] = [performance.now(), process.cpuUsage()]
  const turn = (): void => {
    const pauseMs = performance.now() - last
    const { user, system } = process.cpuUsage(cpu)
    longestMs = Math.max(longestMs, pauseMs)
    busiestMs = Math.max(busiestMs, Math.min(pauseMs, (user + system) / 1_000))
    ;[last, cpu] = [performance.now(), process.cpuUsage()]
  }
  const timer = setInterval(turn, INTERVAL_MS)
  return () => {
    clearInterval(timer)
    turn()
    return { longestMs, busiestMs }
  }
}
