/** What lies ready in a pool: fresh sandboxes for anybody, used and cleared ones for those who used them. */
import type { ResolvedPoolOptions, ResolvedTemplate } from '../options/pool-options.js'
import type { PooledSandbox } from './pooled-sandbox.js'
import { ReusedSandboxes } from './reused-sandboxes.js'
import type { DiscardReason } from './tally.js'

/** Who hears of what happens to what lies. */
export interface StockHooks {
  /** It is not in the stock any more, and is to be ended. */
  discard(pooled: PooledSandbox, reason: DiscardReason): void
  /** A fresh sandbox is stale, and stays until another one is there. */
  onStale(): void
}

/** The stock of one template. */
export class Stock {
  readonly #template: ResolvedTemplate
  readonly #reuseIdleMs: number
  readonly #reused: ReusedSandboxes<PooledSandbox>
  readonly #hooks: StockHooks
  /** Oldest first. */
  #fresh: PooledSandbox[] = []

  constructor(template: ResolvedTemplate, options: ResolvedPoolOptions, hooks: StockHooks) {
    this.#template = template
    this.#reuseIdleMs = options.reuseIdleMs
    this.#reused = new ReusedSandboxes({ perAffinity: options.maxReused, total: options.maxReusedTotal })
    this.#hooks = hooks
  }

  /** Never used. */
  get freshCount(): number {
    return this.#fresh.length
  }

  /** Never used, and not to be replaced. */
  get goodCount(): number {
    return this.#fresh.filter(({ isStale }) => !isStale).length
  }

  get reusedCount(): number {
    return this.#reused.size
  }

  /** Takes one that this affinity has used, else the oldest fresh one. */
  take(affinity: string | null): PooledSandbox | undefined {
    const pooled = this.#reused.take(affinity) ?? this.#fresh.shift()
    pooled?.take()
    return pooled
  }

  /** Keeps one, and lets go what is one too many. */
  put(pooled: PooledSandbox): void {
    if (pooled.uses > 0) this.#putUsed(pooled)
    else this.#putFresh(pooled)
  }

  /** Takes everything. */
  clear(): readonly PooledSandbox[] {
    const all = [...this.#fresh.splice(0), ...this.#reused.clear()]
    for (const pooled of all) pooled.take()
    return all
  }

  #putFresh(pooled: PooledSandbox): void {
    const { maxIdleMs, usableMs, idle } = this.#template
    pooled.lay(maxIdleMs, usableMs, {
      onEnded: () => this.#drop(pooled, 'ended'),
      onStale: () => this.#hooks.onStale(),
      onExpired: () => this.#drop(pooled, 'stale'),
    })
    // One that comes back, because its taker went away, is older than some that came meanwhile.
    const index = this.#fresh.findLastIndex(({ readyAt }) => readyAt < pooled.readyAt)
    this.#fresh.splice(index + 1, 0, pooled)
    for (const gone of this.#fresh.splice(0, Math.max(0, this.#fresh.length - idle)))
      this.#letGo(gone, gone.isStale ? 'stale' : 'surplus')
  }

  #putUsed(pooled: PooledSandbox): void {
    const staleAtMs = pooled.ageMs + this.#reuseIdleMs
    pooled.lay(staleAtMs, this.#template.usableMs, {
      onEnded: () => this.#drop(pooled, 'ended'),
      onStale: () => this.#drop(pooled, 'stale'),
      onExpired: () => this.#drop(pooled, 'stale'),
    })
    for (const gone of this.#reused.add(pooled)) this.#letGo(gone, 'surplus')
  }

  #drop(pooled: PooledSandbox, reason: DiscardReason): void {
    const index = this.#fresh.indexOf(pooled)
    if (index !== -1) this.#fresh.splice(index, 1)
    else if (!this.#reused.remove(pooled)) return
    this.#letGo(pooled, reason)
  }

  #letGo(pooled: PooledSandbox, reason: DiscardReason): void {
    pooled.take()
    this.#hooks.discard(pooled, reason)
  }
}
