/** One function per row of the table. Each measures ours and the floor in the same run and returns both. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tar from 'tar-fs'
import { pipeline } from 'node:stream/promises'
import { ContainerSandbox, DockerDriver, ImageBuilder } from 'container-sandbox'
import { Sandbox } from 'container-sandbox/compat/node-sandbox'
import { countPayload, docker, likeSandbox, nodeArgv, remove, startEcho, startRaw } from './floor.mjs'
import { elapsed, median, quantile, time, timeBlocks, timePaired } from './measure.mjs'

const PROGRAM = new URL('./program.js', import.meta.url).pathname
const MiB = 1024 * 1024

async function withSandbox(options, work) {
  const sandbox = await ContainerSandbox.create(options)
  try {
    return await work(sandbox, await likeSandbox(sandbox.containerId))
  } finally {
    await sandbox.kill()
  }
}

export function createToReady({ runs }) {
  return withSandbox({}, async (_sandbox, like) => {
    const times = await timePaired(
      runs,
      async () => {
        let sandbox
        const took = await elapsed(async () => (sandbox = await ContainerSandbox.create()))
        await sandbox.kill()
        return took
      },
      async () => {
        let raw
        const took = await elapsed(async () => {
          raw = await startRaw(like, nodeArgv("process.stdout.write('!'); process.stdin.resume()"))
          await new Promise((resolve) => raw.stream.once('data', resolve))
        })
        await remove(raw)
        return took
      },
    )
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  })
}

export function pingAndCalls({ runs }) {
  return withSandbox({ program: PROGRAM }, async (sandbox, like) => {
    const echo = await startEcho(like)
    try {
      const times = await timeBlocks(10, runs, 3_000, {
        ping: () => sandbox.ping(),
        program: () => sandbox.rpc.call('echo', ['x']),
        floor: () => echo.roundTrip(),
      })
      return { ping: median(times.ping), program: median(times.program), floor: median(times.floor), unit: 'ms' }
    } finally {
      await remove(echo)
    }
  })
}

export function callsPerSecond({ runs }) {
  return withSandbox({ program: PROGRAM }, async (sandbox) => {
    const rate = async (inFlight, count) => {
      let left = count
      const worker = async () => {
        while (left-- > 0) await sandbox.rpc.call('echo', ['x'])
      }
      const took = await elapsed(() => Promise.all(Array.from({ length: inFlight }, worker)))
      return (count / took) * 1000
    }
    const rates = { one: [], many: [] }
    await rate(64, 20 * runs)
    for (let round = 0; round < 7; round++) {
      rates.one.push(await rate(1, runs))
      rates.many.push(await rate(64, runs * 10))
    }
    return { ours: median(rates.many), floor: median(rates.one), unit: 'calls/s' }
  })
}

export function runTrue({ runs }) {
  return withSandbox({}, async (sandbox) => {
    const container = docker.getContainer(sandbox.containerId)
    const times = await timeBlocks(5, runs, 10, {
      ours: () => sandbox.run('true', [], { check: true }),
      async floor() {
        const exec = await container.exec({ Cmd: ['true'], AttachStdout: true })
        const stream = await exec.start({ hijack: true })
        stream.resume()
        await new Promise((resolve) => stream.once('end', resolve))
        await exec.inspect()
      },
    })
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  })
}

export function stdoutThroughput({ bytes }) {
  return withSandbox({ limits: { cpuCount: 2 } }, async (sandbox, like) => {
    const times = await timePaired(
      5,
      () =>
        elapsed(async () => {
          const child = sandbox.spawn('head', ['-c', String(bytes), '/dev/zero'])
          let seen = 0
          child.stdout.on('data', (chunk) => (seen += chunk.length))
          await new Promise((resolve) => child.once('close', resolve))
          if (seen !== bytes) throw new Error(`saw ${seen} of ${bytes} bytes`)
        }),
      async () => {
        const raw = await startRaw(like, ['/bin/sh', '-c', `read x; exec head -c ${bytes} /dev/zero`])
        const transfer = await elapsed(
          () =>
            new Promise((resolve) => {
              let seen = 0
              countPayload(raw.stream, (count) => (seen += count) >= bytes && resolve())
              raw.stream.write('\n')
            }),
        )
        await remove(raw)
        return transfer
      },
    )
    const rate = (ms) => bytes / MiB / (ms / 1000)
    return { ours: rate(median(times.ours)), floor: rate(median(times.floor)), unit: 'MiB/s' }
  })
}

async function makeTree(folder) {
  await mkdir(folder, { recursive: true })
  for (let index = 0; index < 2_000; index++) {
    const sub = join(folder, `d${index % 20}`)
    await mkdir(sub, { recursive: true })
    await writeFile(join(sub, `f${index}`), randomBytes(32 * 1024 + (index % 2) * 1024))
  }
}

export async function trees() {
  const work = await mkdtemp(join(tmpdir(), 'bench-trees-'))
  const source = join(work, 'source')
  await makeTree(source)
  try {
    return await withSandbox(
      { writable: ['/work'], limits: { scratchBytes: '160MiB', memoryBytes: '1GiB' } },
      async (sandbox, like) => {
        const raw = await startRaw(like, ['/bin/sleep', '600'], { writableRoot: true })
        const times = { upload: { ours: [], floor: [] }, download: { ours: [], floor: [] } }
        for (let round = -1; round < 5; round++) {
          const keep = (list, value) => round >= 0 && list.push(value)
          await sandbox.fs.rm('/work/in', { recursive: true, force: true })
          keep(times.upload.ours, await elapsed(() => sandbox.fs.upload(source, '/work/in')))
          const stream = () => raw.container.putArchive(tar.pack(source), { path: '/mnt' })
          keep(times.upload.floor, await elapsed(stream))
          const [ours, floor] = [join(work, `ours${round}`), join(work, `floor${round}`)]
          keep(times.download.ours, await elapsed(() => sandbox.fs.download('/work/in', ours)))
          keep(
            times.download.floor,
            await elapsed(async () => pipeline(await raw.container.getArchive({ path: '/mnt/.' }), tar.extract(floor))),
          )
          await rm(ours, { recursive: true })
          await rm(floor, { recursive: true })
        }
        await remove(raw)
        const row = ({ ours, floor }) => ({ ours: median(ours), floor: median(floor), unit: 'ms' })
        return { upload: row(times.upload), download: row(times.download) }
      },
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

export function pingUnderFlood({ runs }) {
  return withSandbox({}, async (sandbox) => {
    const idle = await time(runs, () => sandbox.ping(), 3_000)
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    const child = sandbox.spawn('head', ['-c', String(1024 * MiB), '/dev/zero'])
    await new Promise((resolve) => child.once('spawn', resolve))
    await new Promise((resolve) => setTimeout(resolve, 500))
    let peak = before
    const busy = []
    for (let round = 0; round < 20; round++) {
      busy.push(...(await time(runs / 20, () => sandbox.ping(), 0)))
      peak = Math.max(peak, process.memoryUsage().rss)
    }
    child.kill('SIGKILL', 'tree')
    return { idleP50: median(idle), busyP99: quantile(busy, 0.99), grownMiB: (peak - before) / MiB }
  })
}

export async function unchangedImage({ runs }) {
  const home = await mkdtemp(join(tmpdir(), 'bench-home-'))
  await makeHome(home, 'unchanged')
  // A file that was changed a moment ago is read again, because its times cannot prove that it is the same.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const driver = new DockerDriver()
  const images = new ImageBuilder({ store: driver.images })
  try {
    const request = { base: 'runner', home, uid: 200_000, gid: 200_000 }
    const { reference } = await images.ensure(request)
    const times = await timePaired(
      runs,
      () =>
        elapsed(async () => {
          const { built } = await images.ensure(request)
          if (built) throw new Error('an unchanged home was built again')
        }),
      () => elapsed(() => docker.getImage(reference).inspect()),
      3,
    )
    await driver.images.remove(reference)
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  } finally {
    await driver.close()
    await rm(home, { recursive: true, force: true })
  }
}

async function makeHome(home, salt) {
  for (let index = 0; index < 64; index++) {
    await writeFile(
      join(home, `file-${index}`),
      Buffer.concat([Buffer.from(`${salt} ${index}`), randomBytes(16 * 1024)]),
    )
  }
}

export async function newHome({ runs }) {
  const work = await mkdtemp(join(tmpdir(), 'bench-home-'))
  const driver = new DockerDriver()
  const images = new ImageBuilder({ store: driver.images })
  try {
    const base = await images.ensure({ base: 'runner', home: null, uid: 200_000, gid: 200_000 })
    const made = []
    const times = await timePaired(
      runs,
      async (index) => {
        const home = join(work, `ours-${index}`)
        await mkdir(home)
        await makeHome(home, `ours ${index}`)
        return elapsed(async () =>
          made.push((await images.ensure({ base: 'runner', home, uid: 200_000, gid: 200_000 })).reference),
        )
      },
      async (index) => {
        const context = join(work, `floor-${index}`)
        await mkdir(join(context, 'home'), { recursive: true })
        await makeHome(join(context, 'home'), `floor ${index}`)
        await writeFile(join(context, 'Dockerfile'), `FROM ${base.reference}\nCOPY --chown=200000:200000 home /\n`)
        const tag = `container-sandbox-bench:${index + 1}`
        made.push(tag)
        return elapsed(() =>
          execFileSync('docker', ['build', '-q', '-t', tag, context], {
            env: { ...process.env, DOCKER_BUILDKIT: '0' },
          }),
        )
      },
    )
    for (const image of made) await docker.getImage(image).remove({ force: true })
    return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
  } finally {
    await driver.close()
    await rm(work, { recursive: true, force: true })
  }
}

export function idleMemory() {
  return withSandbox({}, async (sandbox, like) => {
    const raw = await startRaw(like, nodeArgv("process.stdin.resume(); process.stdout.write('!')"))
    await new Promise((resolve) => raw.stream.once('data', resolve))
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    // Without page cache: the image's files are shared by all, and charged to whichever container read them first.
    const used = async (id) => {
      const { memory_stats: memory } = await docker.getContainer(id).stats({ stream: false })
      return (memory.usage - (memory.stats.total_cache ?? memory.stats.file ?? 0)) / MiB
    }
    const result = { ours: await used(sandbox.containerId), floor: await used(raw.container.id), unit: 'MiB' }
    await remove(raw)
    return result
  })
}

export async function machine() {
  const { ServerVersion, Driver, KernelVersion, NCPU } = await docker.info()
  const cpu = (await readFile('/proc/cpuinfo', 'utf8')).match(/model name\s*: (.*)/)?.[1] ?? 'unknown'
  return { engine: ServerVersion, storage: Driver, kernel: KernelVersion, cpus: NCPU, cpu, node: process.version }
}

/** A call through the drop-in for `node-sandbox` against the same call through `ContainerSandbox`. */
export function dropInCalls({ runs }) {
  return withSandbox({ program: PROGRAM }, async (sandbox) => {
    const old = new Sandbox(PROGRAM, { ping_interval: -1 })
    old.run()
    await new Promise((resolve) => old.once('ready', resolve))
    try {
      const times = await timeBlocks(10, runs, 3_000, {
        ours: () => old.rpc.call('echo', ['x']),
        floor: () => sandbox.rpc.call('echo', ['x']),
      })
      return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
    } finally {
      const gone = new Promise((resolve) => old.once('exit', resolve))
      old.kill()
      await gone
    }
  })
}
