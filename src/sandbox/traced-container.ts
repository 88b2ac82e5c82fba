/**
 * A sandbox' container and the tracer beside it, as one container to the session.
 *
 * The order of an end: the tracer first. A process whose tracer hangs takes no SIGKILL, so a sandbox that goes first could
 * stay; and a guest without its tracer does nothing that names anything, since its filter then answers ENOSYS.
 */
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerExit, ContainerHandle, ContainerUsage, Observation } from '../driver/driver.js'

/** How long the end of the tracer is waited for before the sandbox is killed all the same. */
const TRACER_END_MS = 5_000

/** {@link ContainerHandle} of a sandbox with a tracer. */
export class TracedContainer implements ContainerHandle {
  readonly #sandbox: ContainerHandle
  readonly #tracer: ContainerHandle

  constructor(sandbox: ContainerHandle, tracer: ContainerHandle) {
    this.#sandbox = sandbox
    this.#tracer = tracer
  }

  get id(): string {
    return this.#sandbox.id
  }

  get name(): string {
    return this.#sandbox.name
  }

  get input(): Writable {
    return this.#sandbox.input
  }

  get output(): Readable {
    return this.#sandbox.output
  }

  get errorOutput(): Readable {
    return this.#sandbox.errorOutput
  }

  get exited(): Promise<ContainerExit> {
    return this.#sandbox.exited
  }

  observe(signal?: AbortSignal): Promise<Observation> {
    return this.#sandbox.observe(signal)
  }

  usage(signal?: AbortSignal): Promise<ContainerUsage> {
    return this.#sandbox.usage(signal)
  }

  async destroy(): Promise<void> {
    const tracerGone = this.#tracer.destroy()
    tracerGone.catch(() => undefined)
    await Promise.race([this.#tracer.exited, this.#sandbox.exited, delay(TRACER_END_MS, undefined, { ref: false })])
    await Promise.all([this.#sandbox.destroy(), tracerGone])
  }
}
