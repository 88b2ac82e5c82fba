/** The fail-closed check after start: what was asked for against what the engine and the kernel report. */
import { ProtocolError } from '../errors.js'
import type { ContainerHandle } from '../driver/driver.js'
import { kernelObservationFromGuest } from '../policy/guest-observation.js'
import { assertAudit, type ContainerSpec, type KernelObservation, type Observation } from '../policy/index.js'
import { observeResultSchema } from '../protocol/index.js'
import type { Channel } from './channel.js'

/** What is in force, read back. `sandbox.isolation()` returns it. */
export interface IsolationReport {
  readonly engine: Observation['engine']
  /** `source` tells who said so: the engine's host, which the guest cannot forge, or for a remote engine the inside. */
  readonly kernel: KernelObservation
  /** Always `true`: a sandbox for which it is not so does not exist. */
  readonly verified: true
}

/**
 * @throws {PolicyMismatchError} when anything differs.
 */
export async function verifyIsolation(
  container: ContainerHandle,
  channel: Channel,
  spec: ContainerSpec,
  supervisorReady: Promise<unknown>,
  signal?: AbortSignal,
): Promise<IsolationReport> {
  const { engine, kernel: fromHost } = await container.observe(signal)
  const kernel = fromHost ?? (await observeInside(channel, supervisorReady))
  assertAudit(spec, { engine, kernel })
  return { engine, kernel, verified: true }
}

async function observeInside(channel: Channel, supervisorReady: Promise<unknown>): Promise<KernelObservation> {
  await supervisorReady
  const parsed = observeResultSchema.safeParse(await channel.control.call('observe', {}, { timeoutMs: 10_000 }))
  if (!parsed.success)
    throw new ProtocolError('the supervisor answered `observe` with something else', { cause: parsed.error })
  return kernelObservationFromGuest(parsed.data)
}
