/** The order of a queue, slow and plain: no heaps, no computed rounds, everything is looked for again each time. */
import { QUANTUM } from '../../../src/queue/deficit-ring.js'
import type { QueueRules } from '../../../src/queue/queue-rules.js'

/** A job as the model sees it. */
export interface ModelJob {
  readonly id: string
  readonly tenant: string
  readonly cost: number
  readonly units: number
  readonly atMs: number
  readonly sequence: number
  priority: number
  state: 'waiting' | 'held' | 'running'
}

/** What a sharer has to its credit, as long as it has jobs waiting. */
interface Account {
  deficit: number
  servedAt: number
  canGo: boolean
}

/** A parent and one who shares what it gets: a child, or (with the name `''`) its own jobs. */
interface Share {
  readonly parent: string
  readonly name: string
}

export class ReferenceQueue {
  readonly jobs: ModelJob[] = []
  readonly #accounts = new Map<string, Account>()
  readonly #rules: QueueRules
  #step = 0
  #sequence = 0

  constructor(rules: QueueRules) {
    this.#rules = rules
  }

  add(job: Omit<ModelJob, 'sequence' | 'state'>): void {
    this.jobs.push({ ...job, sequence: this.#sequence++, state: 'waiting' })
    this.#refresh()
  }

  end(id: string): void {
    this.jobs.splice(
      this.jobs.findIndex((job) => job.id === id),
      1,
    )
    this.#refresh()
  }

  setPriority(id: string, priority: number): void {
    for (const job of this.jobs) if (job.id === id) job.priority = priority
    this.#refresh()
  }

  count(tenant: string, ...states: ModelJob['state'][]): number {
    return this.#below(tenant, ...states).length
  }

  /** Starts the job whose turn it is; `null` when none may start. */
  take(): ModelJob | null {
    if (this.count('', 'running') >= this.#rules.all.maxRunning) return null
    let next = this.jobs.find((job) => job.state === 'held') ?? null
    if (next === null) {
      next = this.#head('')
      if (next === null) return null
      this.#serve(next)
      next.state = 'held'
      this.#refresh()
    }
    const used = this.jobs.reduce((sum, job) => sum + (job.state === 'running' ? job.units : 0), 0)
    if (next.units > this.#rules.capacity - used) return null
    next.state = 'running'
    this.#refresh()
    return next
  }

  #below(tenant: string, ...states: ModelJob['state'][]): ModelJob[] {
    return this.jobs.filter((job) => states.includes(job.state) && isBelow(job.tenant, tenant))
  }

  /** All who have jobs waiting below a parent. */
  #sharersOf(parent: string): string[] {
    const names = this.#below(parent, 'waiting').map(({ tenant }) =>
      tenant === parent ? '' : (tenant.slice(parent === '' ? 0 : parent.length + 1).split('/')[0] ?? ''),
    )
    return [...new Set(names)]
  }

  /** The job of a tenant, or of all, that goes first. */
  #head(tenant: string): ModelJob | null {
    if (this.count(tenant, 'running') >= this.#rulesOf(tenant).maxRunning) return null
    const choice = this.#choose(tenant)
    return choice === null ? null : this.#headOf({ parent: tenant, name: choice.name })
  }

  #headOf(share: Share): ModelJob | null {
    if (share.name !== '') return this.#head(childOf(share))
    const own = this.jobs.filter((job) => job.state === 'waiting' && job.tenant === share.parent)
    return own.toSorted((a, b) => this.#rank(a) - this.#rank(b) || a.sequence - b.sequence)[0] ?? null
  }

  /** Round by round: who has the cost of its head? Of several, who was served longest ago. */
  #choose(parent: string): { readonly name: string; readonly rounds: number } | null {
    const able = this.#sharersOf(parent).flatMap((name) => {
      const head = this.#headOf({ parent, name })
      const account = this.#accounts.get(key({ parent, name }))
      return head === null || account === undefined ? [] : [{ name, account, cost: head.cost }]
    })
    able.sort((a, b) => a.account.servedAt - b.account.servedAt)
    if (able.length === 0) return null
    for (let rounds = 0; ; rounds++) {
      for (const { name, account, cost } of able) {
        if (account.deficit + rounds * this.#credit({ parent, name }) >= cost) return { name, rounds }
      }
    }
  }

  #serve(job: ModelJob): void {
    // All are chosen before one pays: who pays has another head.
    const shares = sharesOf(job.tenant).map((share) => ({ share, choice: this.#choose(share.parent) }))
    for (const { share, choice } of shares) {
      for (const name of this.#sharersOf(share.parent)) {
        const account = this.#accounts.get(key({ ...share, name }))
        if (account !== undefined) account.deficit += (choice?.rounds ?? 0) * this.#credit({ ...share, name })
      }
      const paying = this.#accounts.get(key(share))
      if (paying === undefined || choice?.name !== share.name) throw new Error(`it is not the turn of ${job.tenant}`)
      paying.deficit -= job.cost
      paying.servedAt = ++this.#step
    }
  }

  /** Opens accounts for those who can go, closes those of who has nothing left. */
  #refresh(): void {
    const parents = new Set(this.jobs.flatMap(({ tenant }) => sharesOf(tenant).map(({ parent }) => parent)))
    const living = new Set<string>()
    // The lowest first: whether a parent can go depends on who can below it.
    for (const parent of [...parents].toSorted(
      (a, b) => b.split('/').length - a.split('/').length || b.length - a.length,
    )) {
      for (const name of this.#sharersOf(parent)) {
        const share = { parent, name }
        living.add(key(share))
        const account = this.#accounts.get(key(share))
        const head = this.#headOf(share)
        if (account === undefined) {
          if (head !== null) this.#accounts.set(key(share), { deficit: 0, servedAt: ++this.#step, canGo: true })
          continue
        }
        if (head !== null && !account.canGo) account.deficit = Math.min(account.deficit, head.cost)
        account.canGo = head !== null
      }
    }
    for (const each of this.#accounts.keys()) if (!living.has(each)) this.#accounts.delete(each)
  }

  #credit(share: Share): number {
    return QUANTUM * (share.name === '' ? 1 : this.#rulesOf(childOf(share)).weight)
  }

  #rank({ priority, atMs }: ModelJob): number {
    return this.#rules.ageingMs === null ? -priority : atMs - priority * this.#rules.ageingMs
  }

  #rulesOf(tenant: string) {
    return tenant === '' ? this.#rules.all : (this.#rules.tenants.get(tenant) ?? this.#rules.each)
  }
}

/** Whether a tenant is another, or below it. */
export function isBelow(tenant: string, other: string): boolean {
  return other === '' || tenant === other || tenant.startsWith(`${other}/`)
}

/** A tenant and its parents, from the top: `a`, `a/b`, `a/b/c`. */
export function levelsOf(tenant: string): string[] {
  const names = tenant.split('/')
  return names.map((_, index) => names.slice(0, index + 1).join('/'))
}

/** Who pays for a job, from its own line up to the top. */
function sharesOf(tenant: string): Share[] {
  const parents = ['', ...levelsOf(tenant)]
  const names = [...tenant.split('/'), '']
  return parents.map((parent, index) => ({ parent, name: names[index] ?? '' })).toReversed()
}

function childOf({ parent, name }: Share): string {
  return parent === '' ? name : `${parent}/${name}`
}

function key({ parent, name }: Share): string {
  return `${parent}|${name}`
}
