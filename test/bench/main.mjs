/**
 * The benchmark: every row is measured against its raw floor in the same run, medians, as ratios.
 *
 *   scripts/bench            the table on stdout
 *   scripts/bench --json     the same as JSON
 *   scripts/bench --quick    fewer runs
 *   scripts/bench --only X   rows whose name holds X
 */
import * as cases from './cases.mjs'
import * as build from './build-cases.mjs'
import * as pool from './pool-cases.mjs'
import * as queue from './queue-cases.mjs'
import * as runner from './runner-cases.mjs'
import * as trace from './trace-cases.mjs'

const flags = process.argv.slice(2)
const quick = flags.includes('--quick')
const only = flags.includes('--only') ? flags[flags.indexOf('--only') + 1] : ''
const runs = (full, short) => (quick ? short : full)

/** Goals as the project set them; `worse` says which side of the goal is bad. */
const rows = []
function row(name, { ours, floor, unit }, goal, higherIsBetter = false) {
  const ratio = ours / floor
  rows.push({
    name,
    ours,
    floor,
    unit,
    ratio,
    goal,
    reached: goal === undefined || (higherIsBetter ? ratio >= goal : ratio <= goal),
    higherIsBetter,
  })
}

const steps = {
  create: async () => row('create() to ready, image cached', await cases.createToReady({ runs: runs(20, 5) }), 1.25),
  calls: async () => {
    const { ping, program, floor, unit } = await cases.pingAndCalls({ runs: runs(300, 50) })
    row('ping', { ours: ping, floor, unit }, 1.5)
    row("a call to a program's method", { ours: program, floor, unit }, 2)
  },
  rate: async () =>
    row('calls per second, 64 in flight', await cases.callsPerSecond({ runs: runs(1_000, 200) }), 8, true),
  run: async () => row("run('true')", await cases.runTrue({ runs: runs(20, 5) }), 0.1),
  stdout: async () =>
    row('stdout of a command', await cases.stdoutThroughput({ bytes: runs(1024, 256) * 1024 * 1024 }), 0.6, true),
  trees: async () => {
    const { upload, download } = await cases.trees()
    row('upload of 64 MiB in 2,000 files', upload, 3)
    row('download of 64 MiB in 2,000 files', download, 3)
  },
  flood: async () => {
    const { idleP50, busyP99, grownMiB } = await cases.pingUnderFlood({ runs: runs(1_000, 200) })
    row('ping p99 under a flood that nobody reads', { ours: busyP99, floor: idleP50, unit: 'ms' }, 10)
    rows.push({
      name: 'host memory grown by that flood',
      ours: grownMiB,
      unit: 'MiB',
      goal: 32,
      reached: grownMiB <= 32,
    })
  },
  unchanged: async () => row("an unchanged user's image", await cases.unchangedImage({ runs: runs(60, 15) }), 3),
  home: async () => row('a new 1 MiB home on a cached base', await cases.newHome({ runs: runs(9, 3) }), 1),
  memory: async () => row("idle sandbox's memory", await cases.idleMemory(), 1.3),
  'drop-in': async () =>
    row('a call through a drop-in, against ours', await cases.dropInCalls({ runs: runs(300, 50) }), 1.1),
  'trace compile': async () => row('twelve C files compiled, traced', await trace.compile({ runs: runs(9, 3) }), 2.2),
  'trace stats': async () => row('30,000 stat in node, traced', await trace.stats({ runs: runs(5, 2) }), 1.3),
  'trace violations': async () => {
    const { p50, p99, death, unit } = await trace.violations({ runs: runs(500, 100) })
    rows.push({ name: 'violation to event, p99', ours: p99, unit, goal: 50, reached: p99 <= 50 })
    rows.push({ name: 'violation to event, median', ours: p50, unit })
    rows.push({ name: 'violation to the end of the container, median', ours: death, unit })
  },
  'trace memory': async () => {
    const { grownMiB, perSecond } = await trace.millionEvents({ events: runs(1_000_000, 200_000) })
    const reached = grownMiB <= 48
    rows.push({ name: 'host memory grown by 1,000,000 events', ours: grownMiB, unit: 'MiB', goal: 48, reached })
    rows.push({ name: 'events a second', ours: perSecond, unit: 'events/s' })
  },
  'trace create': async () => {
    const { ours, floor, unit, parts } = await trace.createTraced({ runs: runs(15, 5) })
    row('create() with trace, against without', { ours, floor, unit })
    rows.push({ name: "of it, starting the sandbox's container", ours: parts.sandbox, unit })
    rows.push({ name: "of it, starting the tracer's", ours: parts.tracer, unit })
  },
  'pool acquire': async () => {
    const { ours, floor, unit } = await pool.acquireWarm({ rounds: runs(40, 8) })
    row('acquire() of a warm pool, against a cold create()', { ours: ours.p50, floor: floor.p50, unit }, 1 / 40)
    row('the same, p99 against the median of create()', { ours: ours.p99, floor: floor.p50, unit }, 1 / 10)
  },
  'queue light': async () =>
    row('20 builds of a light tenant beside 1,000, against their fair share', await queue.lightBesideFlood(), 2),
  'queue rate': async () => row('jobs a second, 10,000 waiting', await queue.jobsPerSecond(), undefined, true),
  'builds many': async () => {
    const count = runs(200, 40)
    const { single, reused, floor, unit } = await runner.manyBuilds({ count, parallelism: 4 })
    row(`${count} builds of 8 tenants, against docker run`, { ours: single, floor, unit }, 0.5)
    row('the same with pool.uses, one sandbox for a tenant', { ours: reused, floor, unit }, 0.5)
  },
  'builds memory': async () => {
    const { grownMiB } = await runner.queuedMemory({ waiting: 1_000, running: 20 })
    const name = 'host memory grown by 1,000 waiting and 20 running builds'
    rows.push({ name, ours: grownMiB, unit: 'MiB', goal: 64, reached: grownMiB <= 64 })
  },
  'builds zlib': async () =>
    row('zlib: configure, make, test, against docker run', await build.zlib({ runs: runs(5, 2) }), 1.1),
}

for (const [name, step] of Object.entries(steps)) {
  if (!name.includes(only)) continue
  process.stderr.write(`measuring ${name} …\n`)
  await step()
}

const machine = await cases.machine()
if (flags.includes('--json')) console.log(JSON.stringify({ machine, rows }, null, 2))
else {
  const number = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
  console.log(
    `Engine ${machine.engine} (${machine.storage}), kernel ${machine.kernel}, ${machine.cpus} × ${machine.cpu}, Node ${machine.node}\n`,
  )
  console.log('| what | ours | floor | ratio | to reach |\n| --- | --- | --- | --- | --- |')
  for (const { name, ours, floor, unit, ratio, goal, reached, higherIsBetter } of rows) {
    const sign = higherIsBetter ? '≥' : '≤'
    const missed = reached === false ? ' (missed)' : ''
    // What has no floor is held to a number of its own; what has no goal is told.
    const toReach = goal === undefined ? '–' : `${sign} ${goal} ${floor === undefined ? unit : '×'}${missed}`
    const against = floor === undefined ? '– | –' : `${number(floor)} ${unit} | ${number(ratio)} ×`
    console.log(`| ${name} | ${number(ours)} ${unit} | ${against} | ${toReach} |`)
  }
}
