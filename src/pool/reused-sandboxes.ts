/** Used and cleared sandboxes of one template, each kept for the affinity that used it. */
/** How many are kept. */
export interface ReuseBounds {
  readonly perAffinity: number
  readonly total: number
}

/** Oldest first. Nothing is ever given to another affinity than the one that used it. */
export class ReusedSandboxes<T extends { readonly affinity: string | null }> {
  readonly #bounds: ReuseBounds
  #kept: T[] = []

  constructor(bounds: ReuseBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#kept.length
  }

  /** @returns those that have to go for it, or it itself where there is no place */
  add(pooled: T): readonly T[] {
    const { perAffinity, total } = this.#bounds
    this.#kept.push(pooled)
    const alike = this.#kept.filter(({ affinity }) => affinity === pooled.affinity)
    const gone = alike.slice(0, Math.max(0, alike.length - perAffinity))
    this.#kept = this.#kept.filter((kept) => !gone.includes(kept))
    gone.push(...this.#kept.splice(0, Math.max(0, this.#kept.length - total)))
    return gone
  }

  /** Takes the one that was used last. */
  take(affinity: string | null): T | undefined {
    if (affinity === null) return undefined
    const index = this.#kept.findLastIndex((pooled) => pooled.affinity === affinity)
    return index === -1 ? undefined : this.#kept.splice(index, 1)[0]
  }

  /** @returns `false` when it is not among them */
  remove(pooled: T): boolean {
    const index = this.#kept.indexOf(pooled)
    if (index !== -1) this.#kept.splice(index, 1)
    return index !== -1
  }

  clear(): readonly T[] {
    return this.#kept.splice(0)
  }
}
