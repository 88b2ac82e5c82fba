/** The same end-to-end for every engine and runtime: what the README promises of each of them. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContainerSandbox, type SandboxOptions } from '../../src/index.js'
import type { FurtherEngine } from './further-engine.js'

export interface EngineCase {
  readonly engine: () => FurtherEngine
  readonly runtime: string
  /** The audit profile by which the sandbox is verified, and who tells the kernel's facts. */
  readonly profile: string
  readonly source: 'host' | 'guest'
}

const PROGRAM = `
rpc.expose('add', (a, b) => a + b)
rpc.expose('ask', async (n) => (await rpc.call('host.double', [n])) + 1)
`

/** Out of the range that is given to names. */
const HOME_UID = 1_234_567

export function describeEngine(name: string, { engine, runtime, profile, source }: EngineCase): void {
  describe(name, () => {
    let sandbox: ContainerSandbox
    let folder: string
    const options = (more: SandboxOptions): SandboxOptions => ({
      driver: engine().driver,
      runtime,
      timeouts: { startupMs: 60_000 },
      ...more,
    })
    const containers = async () => (await engine().driver.list()).map(({ state }) => state)

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'engine-suite-'))
      await writeFile(join(folder, 'program.js'), PROGRAM)
      const shared = join(engine().folder, 'shared')
      await mkdir(shared, { recursive: true })
      await writeFile(join(shared, 'note'), 'from the host')
      sandbox = new ContainerSandbox(
        options({
          program: join(folder, 'program.js'),
          mounts: [{ source: shared, target: '/shared' }],
          writable: ['/work'],
          limits: { memoryBytes: '256MiB', scratchBytes: '16MiB', outputBytes: '64KiB' },
        }),
      )
      sandbox.rpc.expose('host.double', (n: number) => 2 * n)
      await sandbox.start()
    })
    afterAll(async () => {
      await sandbox.kill()
      await rm(folder, { recursive: true, force: true })
      expect(await containers()).toEqual([])
    })

    it('runs commands with input, output, exit code and signal', async () => {
      const result = await sandbox.shell('cat; echo two >&2; exit 3', { input: 'one' })
      expect(result).toMatchObject({ exitCode: 3, outcome: 'exited', stdout: 'one', stderr: 'two\n' })
      expect(await sandbox.shell('kill -TERM $$')).toMatchObject({ outcome: 'signaled', signal: 'SIGTERM' })
      expect(await sandbox.shell('echo x >/dev/stderr; cat /shared/note')).toMatchObject({
        stdout: 'from the host',
        stderr: 'x\n',
      })
    })

    it('calls both ways', async () => {
      expect(await sandbox.rpc.call('add', [1, 2])).toBe(3)
      expect(await sandbox.rpc.call('ask', [20])).toBe(41)
      expect(await sandbox.ping()).toBeGreaterThan(0)
    })

    it('takes folders up and down, with modes and content', async () => {
      const up = join(folder, 'up')
      await mkdir(join(up, 'deep'), { recursive: true })
      await writeFile(join(up, 'deep/tool'), '#!/bin/sh\necho works\n', { mode: 0o755 })
      await writeFile(join(up, 'large'), Buffer.alloc(3_000_000, 'x'))
      await sandbox.fs.upload(up, '/work')
      expect((await sandbox.run('/work/deep/tool')).stdout).toBe('works\n')
      const down = join(folder, 'down')
      await sandbox.fs.download('/work', down)
      expect((await stat(join(down, 'deep/tool'))).mode & 0o777).toBe(0o755)
      expect((await readFile(join(down, 'large'))).equals(await readFile(join(up, 'large')))).toBe(true)
    })

    it('reads back what is in force', async () => {
      const report = await sandbox.isolation()
      expect(report).toMatchObject({ verified: true, profile, kernel: { source } })
      const uid = sandbox.user?.uid
      expect(report.kernel.threads.length).toBeGreaterThan(0)
      expect(new Set(report.kernel.threads.flatMap(({ uids }) => uids))).toEqual(new Set([uid]))
      expect(report.kernel.cgroup).toMatchObject({ memoryBytes: 256 * 1024 ** 2, pids: 256, cpuCount: 1 })
      expect(report.kernel.interfaces).toContain('lo')
      const usage = await sandbox.usage()
      expect(usage).toMatchObject({ memoryLimitBytes: 256 * 1024 ** 2 })
      expect(usage.pids).toBeGreaterThan(0)
    })

    it('refuses writes outside of scratch, more scratch than was given, and the network', async () => {
      for (const path of ['/x', '/usr/x', '/run/x', '/var/tmp/x', '/shared/x', '/etc/passwd', '/dev/x'])
        expect([path, (await sandbox.shell(`echo x >${path}`)).exitCode]).toEqual([path, 2])
      const { exitCode, stderr } = await sandbox.shell(
        'dd if=/dev/zero of=/tmp/full bs=1M count=20; s=$?; rm /tmp/full; exit $s',
      )
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('No space left on device')])
      const network = await sandbox.run('node', [
        '-e',
        "require('net').connect(80, '1.1.1.1').on('error', (e) => console.log(e.code))",
      ])
      expect(network.stdout).toMatch(/^E(NETUNREACH|HOSTUNREACH|PERM)\n$/)
    })

    it('ends commands at their limits', async () => {
      const started = Date.now()
      expect(await sandbox.shell('sleep 60 & sleep 60', { timeoutMs: 500 })).toMatchObject({ outcome: 'timeout' })
      expect(await sandbox.shell('while :; do :; done', { cpuTimeMs: 300 })).toMatchObject({ outcome: 'cpuTime' })
      expect(await sandbox.shell('yes | head -c 200000')).toMatchObject({
        outcome: 'outputLimit',
        stdoutTruncated: true,
      })
      expect(Date.now() - started).toBeLessThan(15_000)
      expect(await sandbox.ping()).toBeGreaterThan(0)
    })

    it('gives a home that belongs to its user, and the same image to the next', async () => {
      const home = join(folder, 'home')
      await mkdir(home, { recursive: true })
      await writeFile(join(home, 'mine'), runtime)
      const images: string[] = []
      for (let round = 0; round < 2; round += 1) {
        const own = await ContainerSandbox.create(options({ user: { home, uid: HOME_UID } }))
        try {
          const { stdout } = await own.shell('cat mine; stat -c " %u %g" /mine; cd; pwd')
          expect(stdout).toBe(`${runtime} ${HOME_UID} ${HOME_UID}\n/\n`)
          images.push((await own.isolation()).engine.image)
        } finally {
          await own.kill()
        }
      }
      expect(images[1]).toBe(images[0])
    })

    it('tells when memory ran out', async () => {
      const own = await ContainerSandbox.create(options({ limits: { memoryBytes: '128MiB', scratchBytes: '8MiB' } }))
      try {
        const eat = 'const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))'
        const result = await own.run('node', ['-e', eat], { timeoutMs: 60_000 }).catch((error: unknown) => error)
        expect(result).toMatchObject({ outcome: 'oom' })
      } finally {
        await own.kill()
      }
    })

    it('leaves nothing when it is killed in the middle of work', async () => {
      const own = await ContainerSandbox.create(options({}))
      expect((await containers()).length).toBe(2)
      const working = own.shell('sleep 60')
      const exit = new Promise((resolve) => own.once('exit', () => resolve(null)))
      await own.kill()
      await exit
      expect(['signaled', 'lost']).toContain((await working).outcome)
      expect((await containers()).length).toBe(1)
    })
  })
}
