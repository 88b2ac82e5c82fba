import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { exitOf } from '../../../src/driver/docker/container-exit.js'
import type { EngineConnection } from '../../../src/driver/docker/engine-client.js'
import { engineInfoOf, type EngineInfoAnswer } from '../../../src/driver/docker/engine-info.js'
import { parsePathStat } from '../../../src/driver/docker/image-paths.js'
import { followProgress } from '../../../src/driver/docker/image-progress.js'
import { factsOf } from '../../../src/driver/docker/images.js'
import { type ContainerInspection, engineObservation } from '../../../src/driver/docker/observation.js'
import { buildSshArguments } from '../../../src/driver/docker/ssh-agent.js'
import { usageOf } from '../../../src/driver/docker/usage.js'

describe('an exit code', () => {
  it.each([
    [0, null],
    [3, null],
    [125, null],
    [128, null],
    [137, 'SIGKILL'],
    [139, 'SIGSEGV'],
    [143, 'SIGTERM'],
    [159, 'SIGSYS'],
    [255, null],
  ])('%i has the signal %s', (exitCode, signal) => {
    expect(exitOf(exitCode, false)).toEqual({ exitCode, signal, oomKilled: false, cause: 'exited' })
  })
})

describe('usage', () => {
  it('of cgroup v1', () => {
    const memory_stats = {
      usage: 1000,
      limit: 5000,
      max_usage: 2000,
      stats: { total_inactive_file: 300, inactive_file: 1 },
    }
    const stats = { memory_stats, cpu_stats: { cpu_usage: { total_usage: 2_500_000 } }, pids_stats: { current: 3 } }
    expect(usageOf(stats)).toEqual({
      memoryBytes: 700,
      memoryLimitBytes: 5000,
      memoryPeakBytes: 2000,
      cpuMs: 2.5,
      pids: 3,
    })
  })

  it('of cgroup v2', () => {
    const memory_stats = { usage: 1000, limit: 5000, stats: { inactive_file: 300 } }
    expect(usageOf({ memory_stats })).toMatchObject({ memoryBytes: 700, memoryPeakBytes: null })
  })

  it('of a container that does not run', () => {
    expect(usageOf({})).toEqual({ memoryBytes: 0, memoryLimitBytes: 0, memoryPeakBytes: null, cpuMs: 0, pids: 0 })
  })
})

describe('a progress report', () => {
  const report = (...lines: object[]) =>
    followProgress(Readable.from(lines.map((line) => Buffer.from(`${JSON.stringify(line)}\r\n`))), 'x')

  it('gives the last lines', async () => {
    expect(await report({ stream: 'Step 1\n' }, { aux: { ID: 'sha256:1' } }, { status: 'done' })).toEqual([
      'Step 1',
      'done',
    ])
  })

  it('is an error when it names one, with the output before', async () => {
    const failing = report(
      { stream: 'Step 1\n' },
      { errorDetail: { code: 2, message: 'returned 2' }, error: 'returned 2' },
    )
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_IMAGE',
      message: 'The image could not be made (x): returned 2.',
      details: { exitCode: 2, output: ['Step 1'] },
    })
  })

  it('is cut into lines wherever it is cut into chunks', async () => {
    const bytes = Buffer.from('{"stream":"a"}\n{"error":"bad"}\n')
    await expect(followProgress(Readable.from([...bytes].map((byte) => Buffer.from([byte]))), 'x')).rejects.toThrow(
      'bad',
    )
  })

  it('that breaks off is an error', async () => {
    const source = new PassThrough()
    const following = followProgress(source, 'x')
    source.write('{"stream":"a"}\n')
    source.destroy(new Error('reset'))
    await expect(following).rejects.toThrow('reset')
  })
})

describe('facts', () => {
  it('of an image', () => {
    const image = {
      ...{ Id: 'sha256:1', RepoTags: null, Architecture: 'amd64', Size: 5, RootFS: { Layers: ['sha256:2'] } },
      Config: { Env: ['A=b=c', 'ODD'], Volumes: { '/v': {} }, OnBuild: null, Labels: null },
    }
    expect(factsOf(image)).toEqual({
      id: 'sha256:1',
      tags: [],
      env: { A: 'b=c', ODD: '' },
      volumes: ['/v'],
      onBuild: [],
      labels: {},
      architecture: 'amd64',
      sizeBytes: 5,
      layers: ['sha256:2'],
    })
  })

  it('of a path of an image', () => {
    const stat = (mode: number, linkTarget = '') =>
      parsePathStat(Buffer.from(JSON.stringify({ name: 'x', size: 1, mode, linkTarget })).toString('base64'))
    expect(stat(0o755)).toEqual({ type: 'file', link: null })
    expect(stat(0o755 + 2 ** 31)).toEqual({ type: 'directory', link: null })
    expect(stat(0o777 + 2 ** 27, '/usr/bin')).toEqual({ type: 'symlink', link: '/usr/bin' })
    expect(stat(0o666 + 2 ** 26 + 2 ** 21)).toEqual({ type: 'other', link: null })
    expect(() => parsePathStat('')).toThrow()
  })

  it('of an engine: what it has of its machine, and not the whole of it', () => {
    const version = { product: 'docker' as const, engine: '28', newest: '1.50', used: '1.50' }
    const paths = (DockerRootDir: string | undefined, endpoint: EngineConnection['endpoint']) =>
      engineInfoOf({ DockerRootDir } as EngineInfoAnswer, { endpoint, version }, { hostname: '', kernelVersion: '' })
        .ownPaths
    const unix = { kind: 'unix', socketPath: '/s', origin: '' } as const
    expect(paths('/srv/data', unix)).toEqual(['/s', '/srv/data'])
    expect(paths('/srv/data', { kind: 'tcp', host: 'h', port: 1, tls: null, origin: '' })).toEqual(['/srv/data'])
    for (const none of [undefined, '', '/', 'C:\\docker']) expect(paths(none, unix)).toEqual(['/s'])
  })

  it('of an engine: local only when socket, name and kernel agree', () => {
    const answer = { Name: 'here', KernelVersion: '6.1', CgroupVersion: '2', MemoryLimit: true, SwapLimit: false }
    const version = { product: 'docker' as const, engine: '28', newest: '1.50', used: '1.50' }
    const unix = { kind: 'unix', socketPath: '/s', origin: '' } as const
    const tcp = { kind: 'tcp', host: 'h', port: 1, tls: null, origin: '' } as const
    const info = (endpoint: typeof unix | typeof tcp, machine = { hostname: 'here', kernelVersion: '6.1' }) =>
      engineInfoOf(answer as EngineInfoAnswer, { endpoint, version }, machine)
    expect(info(unix)).toMatchObject({ local: true, cgroupVersion: 2, apiVersion: '1.50' })
    expect(info(unix).facilities).toEqual({
      missingLimits: ['swap'],
      liveRestore: null,
      backingFilesystem: null,
      rootDirectory: null,
    })
    expect(info(tcp).local).toBe(false)
    expect(info(unix, { hostname: 'other', kernelVersion: '6.1' }).local).toBe(false)
    expect(info(unix, { hostname: 'here', kernelVersion: '6.2' }).local).toBe(false)
  })

  it('of a container: what the engine leaves out is weak, not strict', () => {
    const inspection = {
      ...{ Id: 'c', Image: 'sha256:1', State: { Pid: 1, Running: true } },
      Config: { User: '', Env: null, Labels: null },
      HostConfig: { LogConfig: { Type: 'json-file' }, PidsLimit: null, CapDrop: null, SecurityOpt: null },
      NetworkSettings: { Networks: null },
      Mounts: null,
    } as unknown as ContainerInspection
    expect(engineObservation(inspection)).toMatchObject({
      capDrop: [],
      securityOptions: [],
      networks: [],
      pids: 0,
      cpuCount: 0,
      ulimits: [],
      maskedPaths: null,
    })
  })
})

it('ssh is never asked to prompt, and takes no option from the destination', () => {
  const endpoint = { kind: 'ssh', host: 'engine', port: 2222, username: 'bob', origin: '' } as const
  const args = buildSshArguments(endpoint)
  expect(args).toContain('BatchMode=yes')
  expect(args.slice(-6)).toEqual(['2222', '--', 'bob@engine', 'docker', 'system', 'dial-stdio'])
})
