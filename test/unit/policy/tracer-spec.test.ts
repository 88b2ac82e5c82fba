import { describe, expect, test } from 'vitest'
import { buildContainerRequest } from '../../../src/driver/docker/container-request.js'
import { auditContainer } from '../../../src/policy/audit.js'
import { DOCKER_PROFILE, REMOTE_PROFILE } from '../../../src/policy/audit-profile.js'
import { buildContainerSpec } from '../../../src/policy/build-container-spec.js'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'
import { buildTracerSpec } from '../../../src/policy/tracer-spec.js'
import { CONTEXT, OPTIONS, buildMatchingObservation } from './matching-observation.js'

const SANDBOX = 'f'.repeat(64)

const SPEC = buildTracerSpec({
  image: 'sha256:2',
  imageEnv: {},
  sandboxContainer: SANDBOX,
  argv: ['/bin/tracer'],
  labels: {},
  seccomp: targetSeccompProfile('x86_64'),
  runtime: 'runc',
  cpuCount: 0.5,
})

/** What is reported of a tracer when everything is in force. */
function matching() {
  const { engine, kernel } = buildMatchingObservation(SPEC)
  if (kernel === null) throw new Error('the observation has no kernel facts')
  const rights = { permitted: '0000000000080004', effective: '0000000000080004', bounding: '0000000000080004' }
  const threads = kernel.threads.map((thread) => ({ ...thread, capabilities: { ...thread.capabilities, ...rights } }))
  return {
    engine: { ...engine, capAdd: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'], pid: `container:${SANDBOX}` },
    kernel: { ...kernel, threads },
  }
}

describe('the tracer beside a sandbox', () => {
  test('has two capabilities, no mount, no scratch, no network, and joins one PID namespace', () => {
    const { HostConfig, User } = buildContainerRequest(SPEC)
    expect(User).toBe('0:0')
    expect(HostConfig).toMatchObject({
      CapAdd: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
      CapDrop: ['ALL'],
      PidMode: `container:${SANDBOX}`,
      IpcMode: 'private',
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      Privileged: false,
      Mounts: [],
      Tmpfs: {},
    })
  })

  test('passes the audit when all of that is in force', () => {
    expect(auditContainer(SPEC, matching(), DOCKER_PROFILE)).toEqual([])
  })

  test('passes with the names of capabilities as other engines keep them', () => {
    const { engine, kernel } = matching()
    const capAdd = ['sys_ptrace', 'DAC_READ_SEARCH']
    expect(auditContainer(SPEC, { engine: { ...engine, capAdd }, kernel }, DOCKER_PROFILE)).toEqual([])
  })

  test.each([
    ['another PID namespace', { pid: `container:${'e'.repeat(64)}` }],
    ['the PID namespace of the host', { pid: 'host' }],
    ['one capability more', { capAdd: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH', 'CAP_SYS_ADMIN'] }],
    ['one capability less', { capAdd: ['CAP_SYS_PTRACE'] }],
  ])('is refused with %s', (_name, changes) => {
    const { engine, kernel } = matching()
    expect(auditContainer(SPEC, { engine: { ...engine, ...changes }, kernel }, DOCKER_PROFILE)).toHaveLength(1)
  })

  test.each(['permitted', 'effective', 'bounding', 'inheritable', 'ambient'])(
    'is refused with one capability more in its %s set',
    (set) => {
      const { engine, kernel } = matching()
      const threads = kernel.threads.map((thread) => ({
        ...thread,
        capabilities: { ...thread.capabilities, [set]: '00000000000a0004' },
      }))
      expect(auditContainer(SPEC, { engine, kernel: { ...kernel, threads } }, DOCKER_PROFILE)).not.toEqual([])
    },
  )

  test('is judged by the record of the engine alone where its processes cannot be seen', () => {
    const { engine } = matching()
    expect(auditContainer(SPEC, { engine, kernel: null }, REMOTE_PROFILE)).toEqual([])
    expect(auditContainer(SPEC, { engine: { ...engine, pid: 'host' }, kernel: null }, REMOTE_PROFILE)).toHaveLength(1)
    expect(auditContainer(SPEC, { engine, kernel: null }, DOCKER_PROFILE)).not.toEqual([])
  })
})

describe('a traced sandbox', () => {
  const traced = buildContainerSpec(OPTIONS, { ...CONTEXT, trace: { calls: 'named', pinCpu: true } })
  const observed = (tracerPid: number) => {
    const { engine, kernel } = buildMatchingObservation(traced)
    if (kernel === null) throw new Error('the observation has no kernel facts')
    return { engine, kernel: { ...kernel, threads: kernel.threads.map((thread) => ({ ...thread, tracerPid })) } }
  }

  test('has an init that waits for the tracer', () => {
    expect(traced.argv.slice(1, 6)).toEqual(['--lifetime-ms', '60000', '--trace', 'named', '--pin-cpu'])
    const unpinned = buildContainerSpec(OPTIONS, { ...CONTEXT, trace: { calls: 'all', pinCpu: false } })
    expect(unpinned.argv.slice(3, 6)).toEqual(['--trace', 'all', '--'])
  })

  test('lets its init install a filter only where the init has one', () => {
    const rules = (calls: 'named' | 'all') =>
      buildContainerSpec(OPTIONS, { ...CONTEXT, trace: { calls, pinCpu: false } }).seccomp.syscalls.length
    const untraced = buildContainerSpec(OPTIONS, CONTEXT).seccomp.syscalls.length
    expect([rules('named'), rules('all')]).toEqual([untraced + 1, untraced])
  })

  test('is refused when a thread of it has no tracer', () => {
    expect(auditContainer(traced, observed(41))).toEqual([])
    expect(auditContainer(traced, observed(0))).not.toEqual([])
  })

  test('and one that is not traced is refused when a thread of it has one', () => {
    const plain = buildContainerSpec(OPTIONS, CONTEXT)
    const { engine, kernel } = observed(41)
    expect(
      auditContainer(plain, {
        engine: {
          ...engine,
          argv: plain.argv,
          securityOptions: buildMatchingObservation(plain).engine.securityOptions,
        },
        kernel,
      }),
    ).not.toEqual([])
    expect(auditContainer(plain, buildMatchingObservation(plain))).toEqual([])
  })
})
