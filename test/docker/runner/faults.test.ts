/** What befalls a runner: it is killed, its engine is restarted, its disk is full. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { BuildRunner, DockerDriver, type BuildOptions, type RunnerOptions } from '../../../src/index.js'
import { PrivateEngine } from '../../helpers/engine.js'
import { build, withFolder, withRunner } from '../../helpers/runners.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'

const PROGRAM = join(import.meta.dirname, '../../fixtures/runner/run-builds.mjs')

interface Line {
  readonly id: string
  readonly type: string
  readonly state?: string
  readonly sandboxId?: string
}

/** Runs builds in a process of their own and kills it as soon as `moment` is told. @returns what it told until then */
async function runUntil(
  options: RunnerOptions,
  builds: readonly BuildOptions[],
  moment: (lines: readonly Line[]) => boolean,
): Promise<readonly Line[]> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options), JSON.stringify(builds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const lines: Line[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(JSON.parse(line) as Line)
    if (moment(lines)) break
  }
  child.kill('SIGKILL')
  await ended
  return lines
}

const mounts = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder))

const filesBelow = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).map(String)

const BIG = 'mkdir -p big && for i in $(seq 40); do head -c 1000000 /dev/urandom > big/$i; done'

describe('a runner that is killed', () => {
  const seen =
    (type: string, state?: string) =>
    (lines: readonly Line[]): boolean =>
      lines.some((line) => line.type === type && (state === undefined || line.state === state))
  const phases: readonly [string, BuildOptions, (lines: readonly Line[]) => boolean][] = [
    [
      'queued',
      { tenant: 'a', steps: [{ run: 'sleep 60' }] },
      (lines) => lines.filter(({ type }) => type === 'submitted').length === 2,
    ],
    ['starting', { tenant: 'a', steps: [{ run: 'sleep 60' }] }, seen('queued')],
    ['running', { tenant: 'a', steps: [{ run: 'setsid sleep 61 & sleep 60' }] }, seen('step', 'started')],
    [
      'running on disk',
      { tenant: 'a', workspace: { sizeBytes: '32MiB', backing: 'disk' }, steps: [{ run: 'sleep 60' }] },
      seen('step', 'started'),
    ],
    [
      'saving a cache',
      { tenant: 'a', steps: [{ run: BIG }], caches: [{ key: 'big', path: 'big' }] },
      seen('step', 'finished'),
    ],
    ['extracting artifacts', { tenant: 'a', steps: [{ run: BIG }], artifacts: ['big'] }, seen('step', 'finished')],
  ]
  it.each(phases)('%s: its builds are lost, and nothing of them is left', async (_, options, moment) => {
    await withFolder(async (folder) => {
      const stateDir = join(folder, 'state')
      const settings = { stateDir, pool: { idle: 1 }, concurrency: 1 }
      const lines = await runUntil(settings, [options, options], moment)
      const ids = [...new Set(lines.map(({ id }) => id))]
      const runner = await BuildRunner.open({ stateDir, pool: { idle: 0 } })
      try {
        for (const id of ids) {
          const record = await runner.find(id)
          expect(record).toMatchObject({ state: 'finished', result: { outcome: 'lost', artifactsDir: null } })
          expect(
            readFileSync(record?.result?.logPath ?? '', 'utf8')
              .trimEnd()
              .split('\n')
              .at(-1),
          ).toMatch(/"type":"finished"/)
          expect(filesBelow(join(stateDir, 'builds', id)).sort()).toEqual(['build.json', 'log.ndjson'])
        }
        expect([...runner.lost].sort()).toEqual(expect.arrayContaining([...ids].sort()))
        for (const { sandboxId } of lines)
          if (sandboxId !== undefined) expect(await containersOf(sandboxId)).toEqual([])
        expect(mounts(stateDir)).toEqual([])
        expect(filesBelow(join(stateDir, 'workspaces'))).toEqual([])
        expect(filesBelow(join(stateDir, 'caches')).filter((name) => !name.endsWith('.lock'))).toEqual([])
        expect(filesBelow(join(stateDir, 'tmp'))).toEqual([])
        expect((await build(runner, { steps: [{ run: 'true' }] })).result.outcome).toBe('succeeded')
      } finally {
        await runner.close()
      }
    })
  })
})

describe('an engine that is restarted during 20 builds', () => {
  it.each([
    ['killed', 0],
    ['killed', 400],
    ['stopped', 0],
    ['stopped', 400],
  ])('%s %i ms after the first step began: what ran is lost, the rest runs, nothing is left', async (how, afterMs) => {
    await using engine = await PrivateEngine.start()
    const driver = new DockerDriver({ host: engine.host })
    try {
      await withRunner({ driver, concurrency: 4, pool: { idle: 1 } }, async (runner) => {
        const builds = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            runner.submit({ tenant: `t${index % 4}`, steps: [{ run: 'sleep 0.5; echo done' }] }),
          ),
        )
        for await (const event of builds[0] ?? []) if (event.type === 'step') break
        await delay(afterMs)
        await (how === 'killed' ? engine.kill() : engine.stop())
        await engine.start()
        const results = await Promise.all(builds.map(({ result }) => result))
        const others = results.filter(({ outcome }) => outcome !== 'succeeded')
        expect(others.filter(({ outcome }) => outcome !== 'lost')).toEqual([])
        expect(others.length).toBeLessThanOrEqual(4)
        for (const { steps } of others) expect(steps).toMatchObject([{ outcome: 'lost' }])
        expect(runner.stats()).toMatchObject({ waiting: 0, running: 0 })
      })
      await expect.poll(() => driver.list(), { timeout: 30_000 }).toEqual([])
    } finally {
      await driver.close()
    }
  })
})

describe('a full disk', () => {
  const onSmallDisk = async (sizeMiB: number, work: (folder: string) => Promise<void>): Promise<void> =>
    withFolder(async (folder) => {
      const disk = join(folder, 'disk')
      mkdirSync(disk, { mode: 0o700 })
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=700`, 'tmpfs', disk])
      try {
        await work(disk)
      } finally {
        execFileSync('umount', ['-l', disk])
      }
    })

  it('under logs, artifacts and caches: each build has its result, and the next one after it finds room', async () => {
    await onSmallDisk(8, async (disk) => {
      await withRunner({ stateDir: join(disk, 'state') }, async (runner) => {
        const noisy = await runner.submit({
          tenant: 'a',
          steps: [{ run: 'head -c 20000000 /dev/zero | tr "\\0" x; exit 3' }],
        })
        expect(await noisy.result).toMatchObject({ outcome: 'failed', logTruncated: true, steps: [{ exitCode: 3 }] })
        execFileSync('truncate', ['-s', '0', noisy.logPath])
        const steps = [{ run: 'mkdir big; head -c 20000000 /dev/urandom > big/file' }]
        const kept = await build(runner, { steps, artifacts: ['big'] })
        expect(kept.result).toMatchObject({ outcome: 'error', artifactsDir: null, error: { code: 'ENOSPC' } })
        const cached = await build(runner, { steps, caches: [{ key: 'big', path: 'big' }] })
        expect(cached.result).toMatchObject({ outcome: 'succeeded', caches: [{ saved: false }] })
        expect(cached.result.caches[0]?.reason).toMatch(/ENOSPC/)
        const disk = { sizeBytes: '64MiB', backing: 'disk' } as const
        expect(await build(runner, { steps, workspace: disk })).toMatchObject({ result: { outcome: 'error' } })
        expect((await build(runner, { steps: [{ run: 'true' }] })).result.outcome).toBe('succeeded')
      })
    })
  })

  it('at submission: it is refused, and nothing is half taken', async () => {
    await onSmallDisk(1, async (disk) => {
      const stateDir = join(disk, 'state')
      await withRunner({ stateDir }, async (runner) => {
        const fill = join(disk, 'fill')
        try {
          execFileSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=4k', 'count=1000'], { stdio: 'ignore' })
        } catch {
          // It is full now, which is what was wanted.
        }
        const refused = await rejection(runner.submit({ tenant: 'a', steps: [{ run: 'true' }] }))
        expect(refused).toMatchObject({ name: 'HostFileError', code: 'ENOSPC' })
        expect(runner.list()).toEqual([])
        execFileSync('rm', [fill])
        expect(readdirSync(join(stateDir, 'builds'))).toEqual([])
        expect((await build(runner, { steps: [{ run: 'true' }] })).result.outcome).toBe('succeeded')
      })
    })
  })
})
