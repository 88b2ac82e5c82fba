import { expect, test } from 'vitest'
import { judgeEngine } from '../../../../src/cli/doctor/engine.js'
import { formatFindings } from '../../../../src/cli/doctor/finding.js'
import type { EngineFacilities, EngineInfo } from '../../../../src/driver/driver.js'

const facilities: EngineFacilities = {
  missingLimits: [],
  liveRestore: true,
  backingFilesystem: 'extfs',
  rootDirectory: '/var/lib/docker',
}

const sound: EngineInfo = {
  name: 'builder-1',
  version: '28.2.2',
  apiVersion: '1.50',
  operatingSystem: 'Debian GNU/Linux 13',
  kernelVersion: '7.1.2',
  architecture: 'x86_64',
  cgroupVersion: 2,
  storageDriver: 'overlay2',
  runtimes: ['runc', 'runsc'],
  defaultRuntime: 'runc',
  securityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns'],
  cpuCount: 4,
  memoryBytes: 8 * 1024 ** 3,
  local: true,
  facilities,
}

test('nothing is wrong with a sound engine', () => {
  expect(judgeEngine(sound).filter(({ status }) => status !== 'ok')).toEqual([])
})

const flaws: readonly [name: string, change: Partial<EngineInfo>, check: string, status: string][] = [
  ['an old engine', { version: '19.03.15', apiVersion: '1.40' }, 'engine', 'fail'],
  ['another machine', { local: false }, 'engine host', 'warn'],
  ['no seccomp', { securityOptions: ['name=apparmor'] }, 'seccomp', 'fail'],
  ['no access control', { securityOptions: ['name=seccomp,profile=default'] }, 'access control', 'warn'],
  ['runc alone', { runtimes: ['runc', 'io.containerd.runc.v2'] }, 'runtimes', 'warn'],
  ['a rootless engine', { securityOptions: [...sound.securityOptions, 'name=rootless'] }, 'user namespaces', 'warn'],
  ['remapped users', { securityOptions: [...sound.securityOptions, 'name=userns'] }, 'user namespaces', 'fail'],
  ['no live restore', { facilities: { ...facilities, liveRestore: false } }, 'live restore', 'warn'],
  ...['memory', 'swap', 'cpu', 'pids'].map(
    (limit) =>
      [
        `no ${limit} limit`,
        { facilities: { ...facilities, missingLimits: [limit] } },
        `cgroup ${limit}`,
        'fail',
      ] as const,
  ),
] as [string, Partial<EngineInfo>, string, string][]

test('Podman is told what its socket does otherwise, and refused from afar', () => {
  const flaws = (change: Partial<EngineInfo>) =>
    judgeEngine({ ...sound, product: 'podman', facilities: { ...facilities, liveRestore: false }, ...change })
      .filter((finding) => finding.status !== 'ok')
      .map(({ check, status }) => `${check} ${status}`)
  expect(flaws({})).toEqual(['podman warn', 'runtimes warn'])
  expect(flaws({ local: false })).toEqual(['podman fail', 'engine host warn', 'runtimes warn'])
})

test.each(flaws)('%s', (_name, change, check, status) => {
  const flawed = judgeEngine({ ...sound, ...change }).filter((finding) => finding.status !== 'ok')
  expect(flawed).toHaveLength(1)
  expect(flawed[0]).toMatchObject({ check, status, action: expect.any(String) as string })
})

test('Podman counts its versions by itself', () => {
  expect(judgeEngine({ ...sound, version: '4.3.1', apiVersion: '1.41' })[0]?.status).toBe('ok')
})

test('an engine that does not tell its facilities is not judged by them', () => {
  const { facilities: _facilities, ...silent } = sound
  expect(judgeEngine(silent).map(({ check }) => check)).not.toContain('live restore')
})

test('every finding says what it means, and what to do unless it is ok', () => {
  const text = formatFindings(judgeEngine({ ...sound, runtimes: ['runc'] }))
  expect(text).toMatch(/^ok {4}engine {11}version 28\.2\.2, API 1\.50, on builder-1$/m)
  expect(text).toMatch(/^warn {2}runtimes .*\n +guests use .*\n +→ register gVisor/m)
})
