/** The fail-closed check after start: what was asked for against what the engine and the kernel report. */
import { ProtocolError } from '../errors.js'
import type { ContainerHandle, EngineInfo } from '../driver/driver.js'
import { kernelObservationFromGuest } from '../policy/guest-observation.js'
import {
  assertAudit,
  selectAuditProfile,
  type ContainerSpec,
  type KernelObservation,
  type Observation,
} from '../policy/index.js'
import { observeResultSchema } from '../protocol/index.js'
import type { Channel } from './channel.js'

/** What is in force, read back. `sandbox.isolation()` returns it. */
export interface IsolationReport {
  readonly engine: Observation['engine']
  /**
   * `source` tells who said so: the engine's host, which the guest cannot forge, or the inside, where the engine is on
   * another machine or the runtime has a kernel of its own.
   */
  readonly kernel: KernelObservation
  /** The name of the differences that were accepted: `docker` (none), `podman`, `runsc`, `… without root`, `remote …`. */
  readonly profile: string
  /** Always `true`: a sandbox for which it is not so does not exist. */
  readonly verified: true
}

/** What is verified, and who is asked. */
export interface Verification {
  readonly container: ContainerHandle
  readonly channel: Channel
  readonly spec: ContainerSpec
  readonly engine: Pick<EngineInfo, 'local' | 'product'>
  /** Nothing is read before this: until the first process executes it is the runtime's own, as root and without a filter. */
  readonly supervisorReady: Promise<unknown>
}

/**
 * The inside is believed only where the host cannot look, which the engine and the runtime decide and never the container:
 * on this machine, a container that the host's `/proc` does not show is refused.
 * @throws {PolicyMismatchError} when anything differs.
 */
export async function verifyIsolation(verification: Verification, signal?: AbortSignal): Promise<IsolationReport> {
  const { container, spec } = verification
  const profile = selectAuditProfile(spec.runtime, verification.engine, process.geteuid?.() === 0)
  await verification.supervisorReady
  const { engine, kernel: fromHost } = await container.observe(signal)
  const kernel = profile.kernelSource === 'host' ? fromHost : withHostFacts(await observeInside(verification), fromHost)
  assertAudit(spec, { engine, kernel }, profile)
  return { engine, kernel: kernel as KernelObservation, profile: profile.name, verified: true }
}

/** A runtime with a kernel of its own runs in the host's cgroup and namespaces: of those the host's word counts. */
function withHostFacts(inside: KernelObservation, host: KernelObservation | null): KernelObservation {
  return host === null ? inside : { ...inside, cgroup: host.cgroup, privateNamespaces: host.privateNamespaces }
}

async function observeInside({ channel }: Verification): Promise<KernelObservation> {
  const parsed = observeResultSchema.safeParse(await channel.control.call('observe', {}, { timeoutMs: 10_000 }))
  if (!parsed.success)
    throw new ProtocolError('the supervisor answered `observe` with something else', { cause: parsed.error })
  return kernelObservationFromGuest(parsed.data)
}
