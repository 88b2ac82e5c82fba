/**
 * The sandboxes of one template, and who wants one.
 *
 * A fresh sandbox goes to the oldest waiter, else it lies idle; one that has lain is asked for a sign of life before it is handed
 * out. A waiter takes the first that gets ready: a start that is under way is ahead of any that begins now, so another is begun
 * only for waiters that outnumber the starts (`starter.ts`).
 */
import { AcquireTimeoutError, EngineUnavailableError, InvalidStateError } from '../errors.js'
import type { ParsedAcquireOptions, ResolvedPoolOptions, ResolvedTemplate } from '../options/pool-options.js'
import { BackOff } from './back-off.js'
import { SandboxLease } from './lease.js'
import { Line, Waiter } from './line.js'
import { SandboxStart, type PooledSandbox } from './pooled-sandbox.js'
import { resetSandbox } from './reset.js'
import { Stock } from './stock.js'
import { Tally, type DiscardReason, type TemplateStats } from './tally.js'

/** Why starts may be due: somebody waits, a sandbox was taken, or the stock has shrunk by itself. */
export type ShelfChange = 'waiter' | 'taken' | 'shrunk'

/** All sandboxes of one template. */
export class Shelf {
  readonly template: ResolvedTemplate
  readonly line = new Line()
  readonly backOff: BackOff
  readonly starts = new Set<SandboxStart>()
  readonly #options: ResolvedPoolOptions
  readonly #changed: (change: ShelfChange) => void
  readonly #tally: Tally
  readonly #stock: Stock
  readonly #leases = new Set<SandboxLease>()
  /** Checks, clearings and ends that are under way; none rejects. */
  readonly #work = new Set<Promise<void>>()
  /** Fresh ones that are asked for a sign of life. */
  #checked = 0
  /** Who waits for the idle count. */
  #filling: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null = null
  #isClosed = false

  constructor(template: ResolvedTemplate, options: ResolvedPoolOptions, changed: (change: ShelfChange) => void) {
    this.template = template
    this.#options = options
    this.#changed = changed
    this.#tally = new Tally(template.name)
    this.backOff = new BackOff(() => changed('shrunk'))
    this.#stock = new Stock(template, options, {
      discard: (pooled, reason) => {
        if (reason === 'ended' && pooled.uses === 0) this.backOff.ended(pooled.ageMs)
        void this.#discard(pooled, reason)
        changed('shrunk')
      },
      onStale: () => changed('shrunk'),
    })
  }

  /** How many are to be started for the idle count. */
  get missing(): number {
    return this.template.idle - this.#stock.goodCount - this.#checked - this.starts.size
  }

  /** Resolves when the idle count is there. Rejects with what the first start that fails threw. */
  filled(): Promise<void> {
    if (this.missing <= 0 && this.starts.size === 0) return Promise.resolve()
    return new Promise((resolve, reject) => (this.#filling = { resolve, reject }))
  }

  acquire(options: ParsedAcquireOptions): Promise<SandboxLease> {
    const expired = (timeoutMs: number) => this.#timeout(timeoutMs)
    const waiter = new Waiter(options, expired, (gone) => this.line.leave(gone))
    this.#serve(waiter)
    return waiter.lease
  }

  /** Begins a start; {@link started} or {@link failed} has to follow. */
  begin(isDemanded: boolean): SandboxStart {
    const start = new SandboxStart(this.template, { isDemanded, isReusable: this.#options.maxUses > 1 })
    this.starts.add(start)
    return start
  }

  started(start: SandboxStart, pooled: PooledSandbox): void {
    this.starts.delete(start)
    this.backOff.succeed()
    this.#offer(pooled, false)
    if (this.missing <= 0 && this.starts.size === 0) this.#filling?.resolve()
  }

  /**
   * A start that was begun for a waiter fails for the one who waits longest; when the engine is away, for all whom no other
   * start serves. One that was begun for the idle count fails for nobody: who waits for it gets a start of its own.
   */
  failed(start: SandboxStart, error: unknown): void {
    this.starts.delete(start)
    if (this.#isClosed) return
    this.#tally.failed()
    this.backOff.fail()
    this.#filling?.reject(error)
    const unserved = error instanceof EngineUnavailableError ? this.line.length - this.starts.size : 1
    const told = start.isDemanded ? this.line.take(Math.max(1, unserved)) : []
    for (const waiter of told) waiter.reject(error)
    if (told.length === 0) this.#tell(error)
  }

  stats(): TemplateStats {
    return {
      idle: this.#stock.freshCount + this.#checked,
      reused: this.#stock.reusedCount,
      starting: this.starts.size,
      used: this.#leases.size,
      waiting: this.line.length,
      ...this.#tally.totals(),
    }
  }

  /** Ends what lies and what starts, rejects who waits. Resolves when nothing is left; what is handed out is waited for. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.backOff.stop()
    for (const waiter of this.line.take(Infinity)) waiter.reject(this.#closedError())
    for (const pooled of this.#stock.clear()) void this.#discard(pooled, 'closed')
    const aborted = [...this.starts].map((start) => start.abort())
    await Promise.all(aborted)
    while (this.#work.size + this.#leases.size > 0)
      await Promise.all([...this.#work, ...[...this.#leases].map(({ returned }) => returned)])
  }

  /** Takes back what is handed out. */
  recall(): void {
    for (const lease of this.#leases) void lease.release({ reuse: false })
  }

  #serve(waiter: Waiter): void {
    const pooled = this.#stock.take(waiter.affinity)
    if (pooled !== undefined) return this.#track(this.#check(pooled, waiter))
    this.line.join(waiter)
    this.#changed('waiter')
  }

  async #check(pooled: PooledSandbox, waiter: Waiter): Promise<void> {
    const fresh = pooled.uses === 0 ? 1 : 0
    this.#checked += fresh
    const isHealthy = this.#isYoung(pooled) && (await pooled.answers(this.#options.pingTimeoutMs))
    this.#checked -= fresh
    if (!isHealthy || this.#isClosed) {
      const reason = this.#isYoung(pooled) ? (pooled.isAlive ? 'unhealthy' : 'ended') : 'stale'
      void this.#discard(pooled, this.#isClosed ? 'closed' : reason)
      this.#changed('shrunk')
    } else if (waiter.isSettled) return this.#offer(pooled, true)
    else return this.#handOut(pooled, waiter, true)
    if (waiter.isSettled) return
    if (this.#isClosed) waiter.reject(this.#closedError())
    else this.#serve(waiter)
  }

  /** To who waits for it, or into the stock. */
  #offer(pooled: PooledSandbox, warm: boolean): void {
    if (this.#isClosed) return void this.#discard(pooled, 'closed')
    const waiter = pooled.uses === 0 ? this.line.next() : this.line.nextOf(pooled.affinity)
    if (waiter === undefined) this.#stock.put(pooled)
    else this.#handOut(pooled, waiter, warm)
  }

  #handOut(pooled: PooledSandbox, waiter: Waiter, warm: boolean): void {
    const { sandbox } = pooled
    const handedOutAt = performance.now()
    pooled.uses += 1
    pooled.affinity = waiter.affinity
    const facts = { sandbox, template: this.template.name, warm, waitMs: handedOutAt - waiter.since, use: pooled.uses }
    const lease: SandboxLease = new SandboxLease(facts, (reuse) => {
      this.#leases.delete(lease)
      this.#tally.returned(performance.now() - handedOutAt)
      const work = this.#retire(pooled, reuse)
      this.#track(work)
      return work
    })
    this.#leases.add(lease)
    waiter.resolve(lease)
    this.backOff.used()
    this.#tally.handedOut(lease)
    this.#changed('taken')
  }

  async #retire(pooled: PooledSandbox, reuse: boolean): Promise<void> {
    const { maxUses, resetTimeoutMs } = this.#options
    const { baseline, affinity, uses } = pooled
    const isReusable = (): boolean => !this.#isClosed && pooled.isAlive && this.#isYoung(pooled)
    if (!reuse || baseline === null || affinity === null || uses >= maxUses || !isReusable())
      return this.#discard(pooled, pooled.isAlive ? 'used' : 'ended')
    try {
      await resetSandbox(pooled.sandbox, baseline, resetTimeoutMs)
    } catch (error) {
      if (pooled.isAlive) this.#tell(error)
      return this.#discard(pooled, pooled.isAlive ? 'reset' : 'ended')
    }
    // What the last user listened for is over.
    pooled.sandbox.removeAllListeners()
    if (isReusable()) this.#offer(pooled, true)
    else return this.#discard(pooled, this.#isClosed ? 'closed' : pooled.isAlive ? 'stale' : 'ended')
  }

  #isYoung({ ageMs }: PooledSandbox): boolean {
    return ageMs < this.template.usableMs
  }

  #discard(pooled: PooledSandbox, reason: DiscardReason): Promise<void> {
    this.#tally.discarded(pooled.sandbox.id, reason)
    const work = pooled.end()
    this.#track(work)
    return work
  }

  #track(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  /** What hears of failures must not make another. */
  #tell(error: unknown): void {
    try {
      this.#options.onDiagnostic?.(error)
    } catch {
      // Whom should it be told to?
    }
  }

  #closedError(): InvalidStateError {
    const { name } = this.template
    return new InvalidStateError(`the pool was closed while a sandbox of template '${name}' was waited for`)
  }

  #timeout(timeoutMs: number): AcquireTimeoutError {
    const { idle, starting, used, waiting } = this.stats()
    const { name: template } = this.template
    return new AcquireTimeoutError(
      `no sandbox of template '${template}' within timeoutMs (${timeoutMs} ms): ${starting} are being started, ${used} are in use, ${waiting} calls wait; allow more time, or raise idle or maxStarts of the pool`,
      { details: { template, timeoutMs, idle, starting, used, waiting } },
    )
  }
}
