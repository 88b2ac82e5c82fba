/**
 * Protection: the read-back audit. The engine is asked for less than wanted, one thing at a time, as an engine, a proxy or a
 * plugin could do; the audit of the running container must name it, from the kernel where the kernel shows it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PolicyMismatchError } from '../../src/errors.js'
import { assertAudit, auditContainer } from '../../src/policy/audit.js'
import { MIB, ProbeLab, ready, unprotected, type RequestBody, type Weaken } from '../helpers/probe-lab.js'

let lab: ProbeLab
let folder: string
beforeAll(async () => {
  lab = await ProbeLab.open()
  folder = await mkdtemp(join(tmpdir(), 'probe-audit-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await lab[Symbol.asyncDispose]()
})

async function observe(weaken?: Weaken, asked = lab.spec()) {
  const spec = { ...asked, argv: ['/probe', 'pause'] }
  const handle = await lab.start(['pause'], { spec, weaken })
  try {
    await ready(handle)
    return { spec, observation: await handle.observe() }
  } finally {
    await handle.destroy()
  }
}

const set = (name: string, value: unknown) => (body: RequestBody) => void (body.HostConfig[name] = value)
const option = (index: number, value: string) => (body: RequestBody) =>
  void (body.HostConfig.SecurityOpt[index] = value)
const tmpfs = (from: RegExp, to: string) => (body: RequestBody) =>
  void (body.HostConfig.Tmpfs['/work'] = body.HostConfig.Tmpfs['/work']?.replace(from, to) ?? '')

/** Sets a field of HostConfig, and those outside it that would contradict it. */
const besides = (fields: object, name: string, value: unknown) => (body: RequestBody) => {
  Object.assign(body, fields)
  body.HostConfig[name] = value
}

/** What is taken away, and one difference that must be found for each of the two sources. */
const CASES: readonly (readonly [string, Weaken, string | null, string | null])[] = [
  ['an empty seccomp profile', option(1, 'seccomp={}'), 'securityOptions.seccomp', 'seccompMode'],
  ['no seccomp profile at all', option(1, 'seccomp=unconfined'), 'securityOptions.seccomp', 'seccompMode'],
  ['no no-new-privileges', (body) => void body.HostConfig.SecurityOpt.shift(), 'securityOptions.no-new-privileges', 'noNewPrivs'],
  ['a capability', set('CapAdd', ['NET_RAW']), 'capAdd', 'capabilities.bounding'],
  ['the default capabilities', set('CapDrop', []), 'capDrop', 'capabilities.bounding'],
  ['root', (body) => void (body.User = '0:0'), 'user', 'uids'],
  ['another group', (body) => void (body.User = '231001:0'), 'user', 'gids'],
  ['a supplementary group', set('GroupAdd', ['0']), null, 'groups'],
  ['a writable root', set('ReadonlyRootfs', false), 'readOnlyRoot', 'mounts./.options'],
  ['privileged', set('Privileged', true), 'privileged', null],
  ['more memory', (body) => Object.assign(body.HostConfig, { Memory: 128 * MIB, MemorySwap: 128 * MIB }), 'limits.memoryBytes', 'cgroup.memoryBytes'],
  ['swap', set('MemorySwap', 128 * MIB), 'limits.memoryAndSwapBytes', 'cgroup.memoryAndSwapBytes'],
  ['unlimited memory', (body) => Object.assign(body.HostConfig, { Memory: 0, MemorySwap: 0 }), 'limits.memoryBytes', 'cgroup.memoryBytes'],
  ['more pids', set('PidsLimit', 41), 'limits.pids', 'cgroup.pids'],
  ['unlimited pids', set('PidsLimit', -1), 'limits.pids', 'cgroup.pids'],
  ['more CPU', set('NanoCpus', 1.5e9), 'limits.cpuCount', 'cgroup.cpuCount'],
  ['unlimited CPU', set('NanoCpus', 0), 'limits.cpuCount', 'cgroup.cpuCount'],
  ['more open files', set('Ulimits', [{ Name: 'nofile', Soft: 65, Hard: 65 }]), 'ulimits.nofile', 'rlimits.Max open files'],
  ['core files', (body) => body.HostConfig.Ulimits.splice(1, 1), 'ulimits.core', 'rlimits.Max core file size'],
  ['more shared memory', set('ShmSize', 2 * MIB), null, 'mounts./dev/shm.size'],
  ['a larger scratch', tmpfs(/size=\d+/, `size=${5 * MIB}`), 'tmpfs./work', 'mounts./work.size'],
  ['more inodes', tmpfs(/nr_inodes=\d+/, 'nr_inodes=2000'), 'tmpfs./work', 'mounts./work.inodes'],
  ['scratch with setuid', tmpfs(/nosuid/, 'suid'), 'tmpfs./work', 'mounts./work.options'],
  ['scratch with devices', tmpfs(/nodev/, 'dev'), 'tmpfs./work', 'mounts./work.options'],
  ['one more scratch', (body) => void (body.HostConfig.Tmpfs['/data'] = 'rw'), 'tmpfs', 'mounts./data'],
  ['one scratch less', (body) => void delete body.HostConfig.Tmpfs['/work'], 'tmpfs', 'mounts./work'],
  ['one more mount', (body) => void (body.HostConfig.Mounts = [{ Type: 'bind', Source: folder, Target: '/data', ReadOnly: true }]), 'mounts', 'mounts./data'],
  ['a volume', (body) => Object.assign(body, { Volumes: { '/data': {} } }), 'mounts', 'mounts./data'],
  ['the host’s network', besides({ NetworkDisabled: false, Hostname: undefined }, 'NetworkMode', 'host'), 'network', 'privateNamespaces.net'],
  ['the host’s processes', set('PidMode', 'host'), 'pid', 'privateNamespaces.pid'],
  ['the host’s IPC', set('IpcMode', 'host'), 'ipc', 'privateNamespaces.ipc'],
  ['the host’s names', besides({ Hostname: undefined, Domainname: undefined }, 'UTSMode', 'host'), 'uts', 'privateNamespaces.uts'],
  ['a device', set('Devices', [{ PathOnHost: '/dev/full', PathInContainer: '/dev/full2', CgroupPermissions: 'r' }]), 'devices', null],
  ['a device rule', set('DeviceCgroupRules', ['c 1:1 r']), 'devices', null],
  ['no masks', set('MaskedPaths', []), 'maskedPaths', 'mounts./proc/cmdline'],
  ['writable settings', set('ReadonlyPaths', []), 'readonlyPaths', 'mounts./proc/sys'],
  ['a log', set('LogConfig', { Type: 'json-file', Config: {} }), 'logDriver', null],
  ['a variable', (body) => void body.Env.push('SECRET=1'), 'env', null],
  ['another first process', (body) => Object.assign(body, { Cmd: ['pause'] }), 'argv', null],
  ['the host’s cgroups', set('CgroupnsMode', 'host'), 'cgroupns', null],
  ['another parent of its cgroup', set('CgroupParent', '/probe-audit'), 'settings.CgroupParent', null],
  ['kernel settings', set('Sysctls', { 'kernel.msgmax': '65536' }), 'settings.Sysctls', null],
  ['a restart', set('RestartPolicy', { Name: 'always' }), 'settings.RestartPolicy', null],
  ['a removal by the engine', set('AutoRemove', true), 'settings.AutoRemove', null],
  ['no OOM killer', set('OomKillDisable', true), 'settings.OomKillDisable', null],
  ['a name for another address', set('ExtraHosts', ['neighbour:10.0.0.1']), 'settings.ExtraHosts', null],
  ['a health check', (body) => Object.assign(body, { Healthcheck: { Test: ['CMD', '/bin/true'] } }), 'settings.Healthcheck', null],
  ['a stdin that stays open', (body) => Object.assign(body, { StdinOnce: false }), 'settings.StdinOnce', null],
  ['another folder to start in', (body) => Object.assign(body, { WorkingDir: '/work' }), 'settings.WorkingDir', null],
  ['everything', unprotected, 'user', 'seccompMode'],
] // prettier-ignore

describe('asked for less than wanted', () => {
  test('nothing taken away: no difference, read from the host', async () => {
    const { spec, observation } = await observe()
    expect(observation.kernel?.source).toBe('host')
    expect(auditContainer(spec, observation)).toEqual([])
  })

  test('a volume of the image where a scratch folder is: the scratch folder wins', async () => {
    const { spec, observation } = await observe((body) => void Object.assign(body, { Volumes: { '/work': {} } }))
    expect(auditContainer(spec, observation)).toEqual([])
  })

  test('a network', async () => {
    await using network = await lab.createNetwork()
    const { spec, observation } = await observe((body) => {
      Object.assign(body, { NetworkDisabled: false })
      body.HostConfig.NetworkMode = network.name
    })
    expect(auditContainer(spec, observation).map(({ field }) => field)).toEqual(
      expect.arrayContaining(['network', 'networks', 'interfaces']),
    )
    const wanted = await observe(undefined, lab.spec({ network: network.name }))
    expect(auditContainer(wanted.spec, wanted.observation)).toEqual([])
  })

  test.each(CASES)('%s', async (_name, weaken, inEngine, inKernel) => {
    const { spec, observation } = await observe(weaken)
    const mismatches = auditContainer(spec, observation)
    const fields = (source: string) =>
      mismatches.filter((mismatch) => mismatch.source === source).map(({ field }) => field)
    if (inEngine !== null) expect(fields('engine')).toContain(inEngine)
    if (inKernel !== null)
      expect(
        fields('kernel').some((field) => field.endsWith(inKernel)),
        fields('kernel').join(', '),
      ).toBe(true)
    expect(() => assertAudit(spec, observation)).toThrow(PolicyMismatchError)
  })
})
