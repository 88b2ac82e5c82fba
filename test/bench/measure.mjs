/** Small statistics for the benchmarks. Times are milliseconds. */

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
}

export const median = (values) => quantile(values, 0.5)

/** Runs `work` `count` times, after `warmup` runs that are not counted. */
export async function time(count, work, warmup = Math.ceil(count / 10)) {
  const times = []
  for (let index = -warmup; index < count; index++) {
    const started = performance.now()
    await work(index)
    if (index >= 0) times.push(performance.now() - started)
  }
  return times
}

/** Times two kinds of work in turn (A B A B …), so that a drift of the machine's speed meets both alike. */
export async function timePaired(count, ours, floor, warmup = 1) {
  const times = { ours: [], floor: [] }
  for (let index = -warmup; index < count; index++) {
    for (const [name, work] of [
      ['ours', ours],
      ['floor', floor],
    ]) {
      const elapsed = await work(index)
      if (index >= 0) times[name].push(elapsed)
    }
  }
  return times
}

export async function elapsed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}
