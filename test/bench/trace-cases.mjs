/** The rows of trace mode. The host's own compiler and node are mounted read-only, so that both sides run the same programs. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContainerSandbox, DockerDriver } from 'container-sandbox'
import { elapsed, median, quantile, timePaired } from './measure.mjs'

const HEADER = new URL('../../images/runner/init/traced-calls.h', import.meta.url)
const HOST_TOOLS = { mounts: [{ source: '/usr', target: '/usr' }], writable: ['/work'] }
const LIMITS = { memoryBytes: '1GiB', scratchBytes: '64MiB', lifetimeMs: 900_000 }

const open = (trace, options = {}) => ContainerSandbox.create({ ...HOST_TOOLS, limits: LIMITS, trace, ...options })

/** A file of ordinary C: 30 functions that use the standard library. */
function source(number) {
  const body = Array.from(
    { length: 30 },
    (_, index) => `
static int compare${index}(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int work${number}_${index}(const char *name, int count)
{
    int *values = malloc(sizeof *values * (size_t)count), sum = 0;
    for (int i = 0; i < count; i++)
        values[i] = (i * 7919 + ${index}) % (count + 1);
    qsort(values, (size_t)count, sizeof *values, compare${index});
    for (int i = 0; i < count; i += 2)
        sum += values[i] ^ (int)strlen(name);
    if (sum < 0)
        fprintf(stderr, "%s: %d\\n", name, sum);
    free(values);
    return sum;
}`,
  )
  return `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n${body.join('\n')}\n`
}

/** Twelve C files, one gcc each, in turn: ours traced, the floor not. */
export async function compile({ runs }) {
  const sandboxes = [await open(true), await open(false)]
  try {
    for (const sandbox of sandboxes)
      for (let number = 1; number <= 12; number++) await sandbox.fs.writeFile(`/work/f${number}.c`, source(number))
    const build = async (sandbox) => {
      const script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do gcc -O2 -c f$i.c -o f$i.o || exit 1; done'
      const result = await sandbox.shell(script, { cwd: '/work', env: { TMPDIR: '/work' }, check: true })
      return result.durationMs
    }
    const times = await timePaired(
      runs,
      () => build(sandboxes[0]),
      () => build(sandboxes[1]),
    )
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  } finally {
    for (const sandbox of sandboxes) await sandbox.kill()
  }
}

const STATS = "const fs = require('fs'); for (let i = 0; i < 30000; i++) fs.statSync('/etc/hostname')"

/** 30,000 `stat` calls in node: ours in a traced sandbox, the floor under `strace -f` on the host into a file. */
export async function stats({ runs }) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const calls = [...(await readFile(HEADER, 'utf8')).matchAll(/^\s*__NR_(\w+),$/gm)].map(([, name]) => `?${name}`)
  const sandbox = await open(true)
  try {
    const strace = ['-f', '-e', `trace=${calls.join(',')}`, '-o', join(folder, 'log'), 'node', '-e', STATS]
    const times = await timePaired(
      runs,
      async () => (await sandbox.run('node', ['-e', STATS], { check: true })).durationMs,
      () => elapsed(() => execFileSync('strace', strace)),
    )
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  } finally {
    await sandbox.kill()
    await rm(folder, { recursive: true })
  }
}

/** From the guest's call to the `jailbreak` event, and with `kill` to the end of the container. */
export async function violations({ runs }) {
  const delays = []
  const reporting = await open({ onViolation: 'report' })
  reporting.on('jailbreak', ({ timeMs }) => delays.push(performance.timeOrigin + performance.now() - timeMs))
  try {
    await reporting.shell(`i=0; while [ $i -lt ${runs} ]; do read x < /etc/passwd; sleep 0.01; i=$((i+1)); done`)
  } finally {
    await reporting.kill()
  }
  const deaths = []
  for (let index = 0; index < Math.max(5, runs / 50); index++) {
    const killing = await open({ onViolation: 'kill' })
    const [jailbreak, exit] = [once(killing, 'jailbreak'), once(killing, 'exit')]
    void killing.shell('cat /etc/passwd; sleep 10').catch(() => undefined)
    const [{ timeMs }] = await jailbreak
    await exit
    deaths.push(performance.timeOrigin + performance.now() - timeMs)
  }
  return { p50: median(delays), p99: quantile(delays, 0.99), count: delays.length, death: median(deaths), unit: 'ms' }
}

/** How far the resident set grows while a guest makes a million events, read by `events()` and counted by the summary. */
export async function millionEvents({ events }) {
  const sandbox = await open(true)
  try {
    let seen = 0
    let missed = 0
    const reader = (async () => {
      for await (const event of sandbox.trace.events()) event.kind === 'gap' ? (missed += event.dropped) : seen++
    })()
    const script = (count) =>
      `const fs = require('fs'); for (let i = 0; i < ${count}; i++) fs.statSync('/etc/hostname')`
    await sandbox.run('node', ['-e', script(20_000)], { check: true })
    globalThis.gc?.()
    const idle = process.memoryUsage.rss()
    let highest = idle
    const timer = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20)
    const took = await elapsed(() => sandbox.run('node', ['-e', script(events)], { check: true }))
    clearInterval(timer)
    await sandbox.kill()
    await reader
    return { grownMiB: (highest - idle) / 2 ** 20, seen, missed, perSecond: (events / took) * 1_000 }
  } finally {
    await sandbox.kill()
  }
}

/** `create()` with and without a tracer, and how long the engine took for each container. */
export async function createTraced({ runs }) {
  const starts = { sandbox: [], tracer: [] }
  const driver = new DockerDriver()
  const createContainer = driver.create.bind(driver)
  driver.create = async (spec, signal) => {
    const created = await createContainer(spec, signal)
    const start = async () => {
      let handle
      const took = await elapsed(async () => (handle = await created.start()))
      starts[spec.pidNamespaceOf === null ? 'sandbox' : 'tracer'].push(took)
      return handle
    }
    return { ...created, start }
  }
  const create = async (trace) => {
    let sandbox
    const took = await elapsed(async () => (sandbox = await ContainerSandbox.create({ driver, trace })))
    await sandbox.kill()
    return took
  }
  const times = await timePaired(
    runs,
    () => create(true),
    () => create(false),
  )
  const parts = Object.fromEntries(Object.entries(starts).map(([name, values]) => [name, median(values)]))
  return { ours: median(times.ours), floor: median(times.floor), unit: 'ms', parts }
}
