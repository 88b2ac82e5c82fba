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

/**
 * Times kinds of work in blocks, in turn, with a pause before each block: what one kind leaves to do (the engine tidying up
 * after an exec) is not counted for the next. Each kind is first run `warmup` times, so that both sides are compiled code.
 */
export async function timeBlocks(rounds, perBlock, warmup, kinds) {
  const times = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]))
  for (const work of Object.values(kinds)) await time(warmup, work, 0)
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(kinds)) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      times[name].push(...(await time(perBlock, work, 0)))
    }
  }
  return times
}

export async function elapsed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}
