/** Sandboxes that are started before somebody asks for them. */
import { InvalidOptionsError, InvalidStateError } from '../errors.js'
import {
  parseAcquireOptions,
  parsePoolCloseOptions,
  parsePoolOptions,
  type AcquireOptions,
  type PoolCloseOptions,
  type PoolOptions,
} from '../options/pool-options.js'
import { describeValue } from '../options/index.js'
import { addGauge, type GaugeName } from '../telemetry/index.js'
import { abortable } from '../sandbox/abortable.js'
import type { SandboxLease } from './lease.js'
import { Shelf } from './shelf.js'
import { Starter } from './starter.js'
import type { TemplateStats } from './tally.js'

/** The numbers of a pool. */
export interface PoolStats {
  readonly templates: Readonly<Record<string, TemplateStats>>
}

/** The template that is meant when a call names none. */
const DEFAULT_TEMPLATE = 'default'

/**
 * Keeps sandboxes ready, so many of each template. A sandbox is used once and then killed; with `maxUses` it is cleared and handed
 * out again, to the same `affinity` only. None is handed out in the second half of its `limits.lifetimeMs`.
 *
 * Nothing is left behind by a process that dies: sandboxes end when their host does.
 */
export class SandboxPool implements AsyncDisposable {
  readonly #shelves = new Map<string, Shelf>()
  readonly #starter: Starter
  readonly #gauges: readonly (() => void)[]
  #closing: Promise<void> | null = null

  /**
   * Begins to fill the pool; a failure of that is told to `onDiagnostic` and tried again later. Whoever makes a pool must `close()` it.
   * @throws {InvalidOptionsError} listing every option that is wrong
   */
  constructor(options: PoolOptions) {
    const parsed = parsePoolOptions(options)
    this.#starter = new Starter(() => this.#shelves.values(), parsed.maxStarts)
    for (const template of parsed.templates)
      this.#shelves.set(template.name, new Shelf(template, parsed, this.#starter.onChange))
    this.#gauges = [
      this.#gauge('container_sandbox.pool.idle', ({ idle, reused }) => idle + reused),
      this.#gauge('container_sandbox.pool.starting', ({ starting }) => starting),
      this.#gauge('container_sandbox.pool.used', ({ used }) => used),
    ]
    this.#starter.onChange('shrunk')
  }

  /**
   * Makes a pool and fills it.
   * @param signal ends the filling
   * @throws {InvalidOptionsError}, what the first start that failed threw, or the signal's reason; nothing is left behind then
   */
  static async open(options: PoolOptions, signal: AbortSignal = new AbortController().signal): Promise<SandboxPool> {
    const pool = new SandboxPool(options)
    try {
      await abortable(signal, Promise.all([...pool.#shelves.values()].map((shelf) => shelf.filled())))
      return pool
    } catch (error) {
      await pool.close({ force: true })
      throw error
    }
  }

  /**
   * Hands out a sandbox: one that this affinity has used, else a fresh one that lies ready; both have just answered a ping. Without
   * one the call waits, first come, first served, for the first that gets ready.
   * @returns a lease; call its `release()`
   * @throws {InvalidOptionsError} also for an unknown template. {@link AcquireTimeoutError} after `timeoutMs`. The signal's reason.
   * {@link InvalidStateError} when the pool is closed. What `ContainerSandbox.create` throws when the start for this call failed.
   */
  async acquire(options: AcquireOptions = {}): Promise<SandboxLease> {
    const parsed = parseAcquireOptions(options)
    const shelf = this.#shelfOf(parsed.template)
    if (this.#closing !== null) throw new InvalidStateError('the pool is closed: it hands out no more sandboxes')
    parsed.signal?.throwIfAborted()
    return shelf.acquire(parsed)
  }

  stats(): PoolStats {
    return { templates: Object.fromEntries([...this.#shelves].map(([name, shelf]) => [name, shelf.stats()])) }
  }

  /**
   * Ends what lies and what is being started and rejects who waits, all at once. Resolves when every lease is released, too, and
   * nothing is left; `force` takes the leases back. Can be called again with `force`. Never rejects.
   * @throws {InvalidOptionsError}
   */
  async close(options: PoolCloseOptions = {}): Promise<void> {
    const { force } = parsePoolCloseOptions(options)
    this.#closing ??= this.#close()
    if (force) for (const shelf of this.#shelves.values()) shelf.recall()
    return this.#closing
  }

  /** Closes by force: what was handed out of a pool that nobody holds any more has no owner either. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ force: true })
  }

  async #close(): Promise<void> {
    this.#starter.stop()
    await Promise.all([...this.#shelves.values()].map((shelf) => shelf.close()))
    for (const remove of this.#gauges) remove()
  }

  #shelfOf(name: string | null): Shelf {
    const only = this.#shelves.size === 1 ? [...this.#shelves.values()][0] : undefined
    const shelf = name === null ? (only ?? this.#shelves.get(DEFAULT_TEMPLATE)) : this.#shelves.get(name)
    if (shelf !== undefined) return shelf
    const known = [...this.#shelves.keys()].join(', ')
    const got = name === null ? 'template is missing' : `there is no template ${describeValue(name)}`
    throw new InvalidOptionsError(`Invalid acquire options: ${got}; allowed: ${known}`, { details: { known } })
  }

  #gauge(name: GaugeName, valueOf: (stats: TemplateStats) => number): () => void {
    return addGauge(name, () =>
      [...this.#shelves].map(([template, shelf]) => ({ value: valueOf(shelf.stats()), attributes: { template } })),
    )
  }
}
