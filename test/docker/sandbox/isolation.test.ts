import { afterAll, describe, expect, it } from 'vitest'
import {
  ContainerSandbox,
  DockerDriver,
  PolicyMismatchError,
  type ContainerHandle,
  type ContainerSpec,
  type EngineInfo,
  type Mismatch,
  type Observation,
  type SandboxDriver,
  type SandboxOptions,
} from '../../../src/index.js'
import { LABELS } from '../../../src/policy/labels.js'
import { containersOf, rejection, withSandbox } from '../../helpers/sandboxes.js'

const MIB = 1024 * 1024

/**
 * An engine that does something else than it was asked to: the spec is changed on its way to the engine, and the sandbox
 * compares what it reads back with the spec that it had sent.
 */
class OtherEngine extends DockerDriver {
  readonly #change: (spec: ContainerSpec) => ContainerSpec

  constructor(change: (spec: ContainerSpec) => ContainerSpec) {
    super({ sweep: false })
    this.#change = change
    drivers.push(this)
  }

  override async launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle> {
    return super.launch(this.#change(spec), signal)
  }
}

/** The same on another machine, as far as the package can tell: the kernel cannot be read from here. */
class RemoteEngine extends OtherEngine {
  override async info(signal?: AbortSignal): Promise<EngineInfo> {
    return { ...(await super.info(signal)), local: false }
  }

  override async launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle> {
    return observedAs(await super.launch(spec, signal), (observation) => ({ ...observation, kernel: null }))
  }
}

/** A container whose observation is changed on its way. */
function observedAs(container: ContainerHandle, change: (observation: Observation) => Observation): ContainerHandle {
  return new Proxy(container, {
    get(target, name) {
      if (name === 'observe') return async (signal?: AbortSignal) => change(await target.observe(signal))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const drivers: SandboxDriver[] = []
afterAll(() => Promise.all(drivers.map((driver) => driver.close())))

async function mismatches(driver: SandboxDriver, options: SandboxOptions = {}): Promise<readonly Mismatch[]> {
  const sandbox = new ContainerSandbox({ ...options, driver })
  const error = await rejection(sandbox.start())
  expect(error).toBeInstanceOf(PolicyMismatchError)
  expect(sandbox.state).toBe('exited')
  expect(await containersOf(sandbox.id)).toEqual([])
  const found = (error as PolicyMismatchError).details['mismatches'] as readonly Mismatch[]
  for (const { field } of found) expect((error as Error).message).toContain(field)
  return found
}

const fields = (found: readonly Mismatch[]) => [...new Set(found.map(({ field }) => field))].join(' ')

/** Everything is allowed: as a filter, but with nothing that it refuses. */
const allowAll = (spec: ContainerSpec): ContainerSpec => ({
  ...spec,
  seccomp: { defaultAction: 'SCMP_ACT_ALLOW', architectures: spec.seccomp.architectures, syscalls: [] },
})

const weaker: [string, (spec: ContainerSpec) => ContainerSpec, RegExp][] = [
  ['another seccomp profile', allowAll, /seccomp/],
  ['an empty seccomp profile', (spec) => ({ ...spec, seccomp: {} as never }), /seccomp/],
  [
    'more memory',
    (spec) => ({ ...spec, limits: { ...spec.limits, memoryBytes: 2 * spec.limits.memoryBytes } }),
    /memory/i,
  ],
  ['more CPUs', (spec) => ({ ...spec, limits: { ...spec.limits, cpuCount: 2 } }), /cpu/i],
  ['more processes', (spec) => ({ ...spec, limits: { ...spec.limits, pids: 1_000 } }), /pids/],
  ['more open files', (spec) => ({ ...spec, limits: { ...spec.limits, openFiles: 5_000 } }), /nofile|open files/i],
  ['a network', (spec) => ({ ...spec, network: 'host' }), /network|interfaces/],
  ['another uid', (spec) => ({ ...spec, uid: spec.uid + 1 }), /user|uid/],
  [
    'another scratch folder',
    (spec) => ({ ...spec, scratch: [...spec.scratch, { ...spec.scratch[0]!, target: '/opt' }] }),
    /tmpfs|mounts|scratch/,
  ],
  [
    'a larger scratch folder',
    (spec) => ({ ...spec, scratch: spec.scratch.map((one) => ({ ...one, sizeBytes: 256 * MIB })) }),
    /tmpfs|scratch|mounts/,
  ],
  [
    'a folder of the host',
    (spec) => ({ ...spec, mounts: [{ source: '/usr/share', target: '/opt', writable: false }] }),
    /mounts/,
  ],
  ['paths of /proc that are open', (spec) => ({ ...spec, maskedPaths: [], readonlyPaths: [] }), /masked|readonly/i],
  ['a variable of its own', (spec) => ({ ...spec, env: { ...spec.env, LD_PRELOAD: '/x' } }), /env/],
  [
    'a deadline that never comes',
    (spec) => ({ ...spec, labels: { ...spec.labels, [LABELS.deadline]: '2999-01-01T00:00:00.000Z' } }),
    /labels/,
  ],
]

describe('an engine that gives less than was asked for', () => {
  it.each(weaker)('%s: the sandbox does not start', async (_name, change, field) => {
    expect(fields(await mismatches(new OtherEngine(change)))).toMatch(field)
  })

  it('a mount that the guest may write to', async () => {
    const options = { mounts: [{ source: '/usr/share', target: '/opt' }] }
    const writable = (spec: ContainerSpec) => ({
      ...spec,
      mounts: spec.mounts.map((mount) => ({ ...mount, writable: true })),
    })
    expect(fields(await mismatches(new OtherEngine(writable), options))).toMatch(/mounts/)
  })
})

describe('a remote engine', () => {
  it('is judged by what the supervisor inside reports', async () => {
    const driver = new RemoteEngine((spec) => spec)
    await withSandbox({ driver, limits: { pids: 88 } }, async (sandbox) => {
      const { verified, kernel } = await sandbox.isolation()
      expect(verified).toBe(true)
      expect(kernel).toMatchObject({ source: 'guest', cgroup: { pids: 88 }, privateNamespaces: {} })
      expect(kernel.threads.length).toBeGreaterThan(1)
      expect(kernel.threads.every((thread) => thread.seccompMode === 2 && thread.noNewPrivs)).toBe(true)
      expect(await sandbox.run('echo', ['works'])).toMatchObject({ stdout: 'works\n' })
    })
  })

  it.each(weaker)('%s: the sandbox does not start', async (_name, change, field) => {
    expect(fields(await mismatches(new RemoteEngine(change)))).toMatch(field)
  })

  it('that lies is found out by the kernel as the inside sees it', async () => {
    class LyingEngine extends RemoteEngine {
      override async launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle> {
        const { memoryBytes, pids } = spec.limits
        return observedAs(await super.launch(spec, signal), (observation) => ({
          ...observation,
          engine: { ...observation.engine, pids, memoryBytes, memoryAndSwapBytes: memoryBytes },
        }))
      }
    }
    const more = (spec: ContainerSpec) => ({
      ...spec,
      limits: { ...spec.limits, pids: 1_000, memoryBytes: 1024 * MIB },
    })
    const found = await mismatches(new LyingEngine(more))
    expect(found.every(({ source }) => source === 'kernel')).toBe(true)
    expect(fields(found)).toMatch(/memory.*pids|pids.*memory/i)
  })

  it('is not what an engine of this machine can pretend to be: a container that the host does not see is refused', async () => {
    class HidingEngine extends OtherEngine {
      override async launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle> {
        return observedAs(await super.launch(spec, signal), (observation) => ({ ...observation, kernel: null }))
      }
    }
    expect(fields(await mismatches(new HidingEngine((spec) => spec)))).toBe('kernel')
  })
})
