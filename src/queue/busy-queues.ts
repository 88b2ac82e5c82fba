/** The gauges of all queues. Only queues that have jobs are known here: one that is dropped leaves nothing behind. */
import { addGauge } from '../telemetry/index.js'
import type { QueueDepth } from './schedule.js'

const busy = new Set<QueueDepth>()
let isRegistered = false

/** Counts a queue's jobs in the gauges from now on, until it has none. Call it after each change. */
export function showQueue(queue: QueueDepth): void {
  if (queue.waiting + queue.running === 0) busy.delete(queue)
  else busy.add(queue)
  if (isRegistered) return
  isRegistered = true
  addGauge('container_sandbox.queue.waiting', () => [{ value: sum((each) => each.waiting) }])
  addGauge('container_sandbox.queue.running', () => [{ value: sum((each) => each.running) }])
}

function sum(read: (queue: QueueDepth) => number): number {
  let total = 0
  for (const queue of busy) total += read(queue)
  return total
}
