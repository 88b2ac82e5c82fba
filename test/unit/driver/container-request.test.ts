import { describe, expect, it } from 'vitest'
import { buildContainerRequest } from '../../../src/driver/docker/container-request.js'
import { busyboxSpec } from '../../helpers/busybox.js'

const spec = busyboxSpec('true', {
  env: { A: '1', B: 'x=y' },
  labels: { 'container-sandbox.managed': '1' },
  mounts: [
    { source: '/host/ro', target: '/ro', writable: false },
    { source: '/host/rw', target: '/rw', writable: true },
  ],
})

describe('the create request', () => {
  it('holds nothing but strict values', () => {
    expect(buildContainerRequest(spec)).toEqual({
      Image: spec.image,
      Entrypoint: ['/bin/busybox', 'sh', '-c', 'true'],
      Cmd: [],
      Env: ['A=1', 'B=x=y'],
      WorkingDir: '/',
      Hostname: 'sandbox',
      Domainname: '',
      User: '20001:20001',
      Labels: { 'container-sandbox.managed': '1' },
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: true,
      StdinOnce: true,
      Tty: false,
      Healthcheck: { Test: ['NONE'] },
      StopSignal: 'SIGKILL',
      NetworkDisabled: true,
      HostConfig: {
        Privileged: false,
        ReadonlyRootfs: true,
        CapAdd: [],
        CapDrop: ['ALL'],
        GroupAdd: [],
        SecurityOpt: ['no-new-privileges', `seccomp=${JSON.stringify(spec.seccomp)}`],
        NetworkMode: 'none',
        PortBindings: {},
        PublishAllPorts: false,
        Links: [],
        IpcMode: 'private',
        PidMode: '',
        UTSMode: '',
        UsernsMode: '',
        CgroupnsMode: 'private',
        CgroupParent: '',
        Cgroup: '',
        Runtime: 'runc',
        Init: false,
        Binds: [],
        VolumesFrom: [],
        Devices: [],
        DeviceCgroupRules: [],
        DeviceRequests: [],
        Sysctls: {},
        Memory: 67_108_864,
        MemorySwap: 67_108_864,
        NanoCpus: 1_000_000_000,
        PidsLimit: 32,
        ShmSize: 1_048_576,
        OomKillDisable: false,
        OomScoreAdj: 0,
        CpuRealtimePeriod: 0,
        CpuRealtimeRuntime: 0,
        Ulimits: [
          { Name: 'nofile', Soft: 256, Hard: 256 },
          { Name: 'core', Soft: 0, Hard: 0 },
          { Name: 'memlock', Soft: 65_536, Hard: 65_536 },
        ],
        Mounts: [bind('/host/ro', '/ro', true), bind('/host/rw', '/rw', false)],
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,noexec,size=1048576,nr_inodes=256,uid=20001,gid=20001,mode=700' },
        LogConfig: { Type: 'none', Config: {} },
        RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
        AutoRemove: false,
      },
    })
  })

  it('is the same for the same spec, and leaves the spec alone', () => {
    const frozen = structuredClone(spec)
    expect(buildContainerRequest(spec)).toEqual(buildContainerRequest(frozen))
    expect(spec).toEqual(frozen)
  })

  it('keeps networking on for a network that is named', () => {
    const request = buildContainerRequest({ ...spec, network: 'builds' })
    expect(request).toMatchObject({ NetworkDisabled: false, HostConfig: { NetworkMode: 'builds' } })
  })

  it('leaves the masks to the engine only when the spec says so', () => {
    expect(buildContainerRequest(spec).HostConfig).not.toHaveProperty('MaskedPaths')
    const masked = buildContainerRequest({ ...spec, maskedPaths: ['/proc/keys'], readonlyPaths: [] })
    expect(masked.HostConfig).toMatchObject({ MaskedPaths: ['/proc/keys'], ReadonlyPaths: [] })
  })

  it('asks for a fraction of a CPU in billionths', () => {
    const { HostConfig } = buildContainerRequest({ ...spec, limits: { ...spec.limits, cpuCount: 0.25 } })
    expect(HostConfig.NanoCpus).toBe(250_000_000)
  })
})

function bind(Source: string, Target: string, ReadOnly: boolean) {
  return { Type: 'bind', Source, Target, ReadOnly, BindOptions: { Propagation: 'rprivate', NonRecursive: true } }
}
