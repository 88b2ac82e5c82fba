import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestInit } from '../../helpers/init-client.js'

/** Burns CPU time for as many milliseconds as its argument says. */
const SPIN = 'my $t = shift; while ((times)[0] + (times)[1] < $t / 1000) { $x++ for 1 .. 1000 }'

/** The least CPU time of three runs, in milliseconds: what a busy machine or a cold cache adds is not the command's. */
async function least(run: () => Promise<{ readonly cpuMicros: number }>): Promise<number> {
  let cpuMs = Infinity
  for (let round = 0; round < 3; round += 1) cpuMs = Math.min(cpuMs, (await run()).cpuMicros / 1_000)
  return cpuMs
}

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

describe('usage', () => {
  test('a spin of 300 ms', async () => {
    const cpuMs = await least(async () => (await init.spawn('perl', { args: ['-e', SPIN, '300'] })).exited)
    expect(cpuMs).toBeGreaterThan(280)
    expect(cpuMs).toBeLessThan(450)
  })

  test('of all processes of the tree, reaped by whom ever', async () => {
    const script = `for i in 1 2 3; do (perl -e '${SPIN}' 100 &); done; perl -e '${SPIN}' 100; sleep 0.5`
    const cpuMs = await least(() => init.shell(script))
    expect(cpuMs).toBeGreaterThan(380)
    expect(cpuMs).toBeLessThan(650)
  })

  test('memory of 100 MB in a child', async () => {
    const result = await init.shell("perl -e 'vec(my $x, 100_000_000, 8) = 1'; true")
    expect(result.maxRssBytes).toBeGreaterThan(100_000_000)
    expect(result.maxRssBytes).toBeLessThan(150_000_000)
  })

  test('next to nothing for next to nothing', async () => {
    const { maxRssBytes, oomKills } = await (await init.spawn('true')).exited
    expect(await least(async () => (await init.spawn('true')).exited)).toBeLessThan(50)
    expect(maxRssBytes).toBeGreaterThan(100_000)
    expect(maxRssBytes).toBeLessThan(20_000_000)
    expect(oomKills).toBe(0)
  })
})

describe('a budget of CPU time', () => {
  const budgetMs = 300
  // The tree is looked at every 10 ms near the end, and every CPU may have worked since; ticks are of 10 ms.
  const mostMs = budgetMs + 60 * availableParallelism() + 60

  test.each([
    ['one process', 'while :; do :; done'],
    ['several processes', 'for i in 1 2 3; do (while :; do :; done) & done; wait'],
    ['a daemon', '(setsid sh -c "while :; do :; done" &); sleep 30'],
    ['many short processes', 'while :; do (i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done); done'],
  ])('ends %s', async (_name, script) => {
    // The least of some: what else the machine does can only keep the one who looks from looking.
    let leastMs = Infinity
    for (let round = 0; round < 5 && leastMs >= mostMs; round += 1) {
      const result = await init.shell(script, { cpuTimeMs: budgetMs })
      expect(result).toMatchObject({ cause: 'cpuTime', waitStatus: 9 })
      expect(result.cpuMicros / 1_000).toBeGreaterThanOrEqual(budgetMs)
      leastMs = Math.min(leastMs, result.cpuMicros / 1_000)
    }
    expect(leastMs).toBeLessThan(mostMs)
  })

  test('is not used up by sleeping', async () => {
    expect(await init.shell('sleep 0.6', { cpuTimeMs: budgetMs })).toMatchObject({ cause: 'none', waitStatus: 0 })
  })
})
