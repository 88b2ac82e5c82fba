/** One running container: its stdio, its end, what is in force, and its removal. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Readable, Writable } from 'node:stream'
import type { ContainerExit, ContainerHandle, ContainerUsage, Observation } from '../driver.js'
import type { Attachment } from './attach.js'
import { waitForExit } from './container-exit.js'
import type { EngineClient } from './engine-client.js'
import { observeContainer } from './observation.js'
import { DEFAULT_REMOVAL_TIMEOUT_MS, killContainer, removeContainer } from './removal.js'
import { readUsage } from './usage.js'

/** The engine answers a kill within milliseconds; what it takes longer for is left to the forced removal. */
const KILL_TIMEOUT_MS = 5_000

/** How long the exit state is waited for after a kill, before the removal takes it away. */
const EXIT_AFTER_KILL_MS = 2_000

const REMOVAL_AFTER_LOSS_MS = 5_000

/** {@link ContainerHandle} of an engine with Docker's API. */
export class DockerContainer implements ContainerHandle {
  readonly id: string
  readonly name: string
  readonly input: Writable
  readonly output: Readable
  readonly errorOutput: Readable
  readonly exited: Promise<ContainerExit>
  readonly #client: EngineClient
  readonly #attachment: Attachment
  readonly #watch = new AbortController()
  #destruction: Promise<void> | null = null

  /** @param container a container that was started with `attachment` on its stdio */
  constructor(client: EngineClient, container: { readonly id: string; readonly name: string }, attachment: Attachment) {
    this.#client = client
    this.#attachment = attachment
    this.id = container.id
    this.name = container.name
    this.input = attachment.input
    this.output = attachment.output
    this.errorOutput = attachment.errorOutput
    this.exited = waitForExit(client, this.id, this.#watch.signal)
  }

  observe(signal?: AbortSignal): Promise<Observation> {
    return observeContainer(this.#client, this.id, signal)
  }

  usage(signal?: AbortSignal): Promise<ContainerUsage> {
    return readUsage(this.#client, this.id, signal)
  }

  destroy(): Promise<void> {
    this.#destruction ??= this.#destroy().catch((error: unknown) => {
      // The engine may be back later: the next call tries again.
      this.#destruction = null
      throw error
    })
    return this.#destruction
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy()
  }

  async #destroy(): Promise<void> {
    this.#attachment.input.destroy()
    this.#attachment.release()
    try {
      await killContainer(this.#client, this.id, KILL_TIMEOUT_MS).catch(() => undefined)
      const exit = await this.#exitWithin(EXIT_AFTER_KILL_MS)
      // An engine that was away for long enough to lose the container is not waited for once more.
      const timeoutMs = exit?.cause === 'lost' ? REMOVAL_AFTER_LOSS_MS : DEFAULT_REMOVAL_TIMEOUT_MS
      await removeContainer(this.#client, this.id, { timeoutMs })
    } finally {
      // Whatever the engine did not say by now it will not say.
      this.#watch.abort()
      this.#attachment.destroy()
    }
  }

  async #exitWithin(timeoutMs: number): Promise<ContainerExit | null> {
    const timer = new AbortController()
    const expiry = delay(timeoutMs, null, { signal: timer.signal }).catch(() => null)
    const exit = await Promise.race([this.exited, expiry])
    timer.abort()
    return exit
  }
}
