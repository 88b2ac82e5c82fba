import { describe, expect, it } from 'vitest'
import { buildContainerRequest } from '../../../src/driver/docker/container-request.js'
import type { EngineConnection } from '../../../src/driver/docker/engine-client.js'
import { resolveSeccompFiles, seccompOption } from '../../../src/driver/docker/seccomp-option.js'
import { buildContainerSpec } from '../../../src/policy/index.js'

const MIB = 1024 ** 2

const spec = (writable: readonly string[]) =>
  buildContainerSpec(
    {
      limits: {
        ...{ memoryBytes: 256 * MIB, cpuCount: 1, pids: 64, openFiles: 256, scratchBytes: MIB, shmBytes: MIB },
        lifetimeMs: 60_000,
      },
      ...{ mounts: [], writable, network: 'none', runtime: 'runc' },
    },
    { image: `sha256:${'a'.repeat(64)}`, uid: 200_000, gid: 200_000, labels: {} },
  )

const connection = (product: 'docker' | 'podman', kind: 'unix' | 'tcp') =>
  ({ endpoint: { kind }, version: { product } }) as unknown as EngineConnection

describe('a request to Podman', () => {
  const form = { seccomp: '/profile', engine: 'podman' } as const

  it('covers the folders that Podman would make writable, unless they are scratch', () => {
    const tmpfs = (writable: string[]) => buildContainerRequest(spec(writable), form).HostConfig['Tmpfs']
    const cover = 'ro,nosuid,nodev,noexec,size=65536,mode=755,notmpcopyup'
    const scratch = 'rw,nosuid,nodev,exec,size=1048576,mode=1777,notmpcopyup'
    expect(tmpfs(['/tmp'])).toEqual({ '/tmp': scratch, '/run': cover, '/var/tmp': cover })
    expect(tmpfs(['/tmp', '/run'])).toEqual({ '/tmp': scratch, '/run': scratch, '/var/tmp': cover })
  })

  it('masks by an option, since the field for it is ignored', () => {
    const { SecurityOpt } = buildContainerRequest(spec(['/tmp']), form).HostConfig
    expect(SecurityOpt).toEqual([
      'no-new-privileges',
      'seccomp=/profile',
      expect.stringMatching(/^mask=.*\/proc\/cmdline:/) as string,
    ])
  })
})

describe('a seccomp profile', () => {
  const { seccomp } = spec(['/tmp'])

  it('stands in the request to Docker, wherever that is', async () => {
    for (const kind of ['unix', 'tcp'] as const)
      expect(await seccompOption(seccomp, connection('docker', kind))).toBe(JSON.stringify(seccomp))
  })

  it('cannot be given to a Podman on another machine', async () => {
    await expect(seccompOption(seccomp, connection('podman', 'tcp'))).rejects.toMatchObject({
      code: 'ERR_ENGINE_REQUEST',
      message: expect.stringContaining('local Podman') as string,
    })
  })

  it('is compared whole, and only from a file whose name is its hash', async () => {
    const path = await seccompOption(seccomp, connection('podman', 'unix'))
    expect(path).toMatch(/\/container-sandbox\/seccomp-[0-9a-f]{64}\.json$/)
    const options = [
      'no-new-privileges',
      `seccomp=${path}`,
      'seccomp=/etc/hostname',
      'seccomp=unconfined',
      'seccomp=/no',
    ]
    expect(await resolveSeccompFiles(options)).toEqual([
      'no-new-privileges',
      `seccomp=${JSON.stringify(seccomp)}`,
      ...options.slice(2),
    ])
  })
})
