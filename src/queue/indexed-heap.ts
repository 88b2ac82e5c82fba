/** What a heap can hold: it knows where it stands, so that it can be moved and removed without a search. */
export interface HeapItem {
  /** Place in the heap, kept by the heap; -1 outside. */
  heapIndex: number
}

/** A binary heap whose items can be removed and re-ordered, each in O(log n). An item is in one heap at most. */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  /** The item before all others; `undefined` when empty. */
  get first(): T | undefined {
    return this.#items[0]
  }

  /** In no order. */
  values(): Iterable<T> {
    return this.#items.values()
  }

  add(item: T): void {
    item.heapIndex = this.#items.length
    this.#items.push(item)
    this.#rise(item)
  }

  /** Puts an item of this heap where it belongs after its order has changed. */
  moved(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#place(last, item.heapIndex)
      this.moved(last)
    }
    item.heapIndex = -1
  }

  #rise(item: T): void {
    while (item.heapIndex > 0) {
      const parent = this.#items[(item.heapIndex - 1) >> 1]
      if (parent === undefined || !this.#isBefore(item, parent)) return
      this.#swap(item, parent)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.heapIndex + 1]
      const right = this.#items[2 * item.heapIndex + 2]
      if (left === undefined) return
      const first = right !== undefined && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(first, item)) return
      this.#swap(item, first)
    }
  }

  #swap(a: T, b: T): void {
    const index = a.heapIndex
    this.#place(a, b.heapIndex)
    this.#place(b, index)
  }

  #place(item: T, index: number): void {
    item.heapIndex = index
    this.#items[index] = item
  }
}
