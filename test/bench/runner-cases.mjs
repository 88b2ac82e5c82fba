/** The rows of the build runner: many small builds, and what many waiting ones cost this process. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { BuildRunner, DockerDriver, ImageBuilder } from 'container-sandbox'
import { elapsed } from './measure.mjs'

const run = promisify(execFile)
const TENANTS = 8

async function withRunner(options, work) {
  const stateDir = await mkdtemp(join(tmpdir(), 'bench-runner-'))
  const runner = await BuildRunner.open({ stateDir, ...options })
  try {
    return await work(runner)
  } finally {
    await runner.close({ cancel: true })
    await rm(stateDir, { recursive: true, force: true })
  }
}

/** Runs `work` `count` times, `parallelism` at a time. */
async function inParallel(count, parallelism, work) {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: parallelism }, lane))
}

const builds = (runner, count) =>
  elapsed(async () => {
    const handles = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        runner.submit({ tenant: `tenant-${index % TENANTS}`, steps: [{ run: ['true'] }] }),
      ),
    )
    for (const { result } of handles) {
      const { outcome, error } = await result
      if (outcome !== 'succeeded') throw new Error(`a build ended as ${outcome}: ${error?.message}`)
    }
  })

/**
 * `count` one-command builds of eight tenants, against `docker run --rm` of the same command on the same image with the same
 * limits, as many at a time. `reused` is with `pool.uses`, where builds of one tenant follow each other in one sandbox.
 */
export async function manyBuilds({ count, parallelism }) {
  const driver = new DockerDriver()
  try {
    const { reference } = await new ImageBuilder({ store: driver.images, stateDir: tmpdir() }).ensure({
      base: 'runner',
      home: null,
      uid: 65_534,
      gid: 65_534,
    })
    const flags = ['--rm', '--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']
    const limits = [
      '--memory=512m',
      '--memory-swap=512m',
      '--cpus=1',
      '--pids-limit=256',
      '--tmpfs=/workspace',
      '--tmpfs=/tmp',
    ]
    const docker = () => run('docker', ['run', ...flags, ...limits, '--user=65534', reference, 'true'])
    await docker()
    const floor = await elapsed(() => inParallel(count, parallelism, docker))
    const ours = {}
    for (const [name, pool] of [
      ['single', { idle: parallelism }],
      ['reused', { idle: parallelism, uses: 100 }],
    ]) {
      ours[name] = await withRunner({ driver, concurrency: parallelism, pool }, async (runner) => {
        await builds(runner, TENANTS)
        await delay(1_000)
        return builds(runner, count)
      })
    }
    return { floor, ...ours, unit: 'ms' }
  } finally {
    await driver.close()
  }
}

/** Resident memory of this process with `waiting` builds in the queue and `running` that run, above idle. */
export async function queuedMemory({ waiting, running }) {
  return withRunner({ concurrency: running, pool: { idle: 0 }, limits: { memoryBytes: '64MiB' } }, async (runner) => {
    const submit = (count, tenant, run) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          runner.submit({ tenant: `${tenant}-${index % TENANTS}`, steps: [{ run }] }),
        ),
      )
    // Once with everything, so that what is loaded and compiled once is not counted.
    const first = await submit(1, 'warm', 'true')
    await first[0].result
    globalThis.gc?.()
    const idle = process.memoryUsage().rss
    const busy = await submit(running, 'busy', 'sleep 600')
    await Promise.all(
      busy.map(async (build) => {
        for await (const event of build) if (event.type === 'step') return
      }),
    )
    await submit(waiting, 'waiting', 'true')
    await delay(500)
    return { grownMiB: (process.memoryUsage().rss - idle) / 1024 ** 2 }
  })
}
