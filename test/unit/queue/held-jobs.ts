import { setImmediate } from 'node:timers/promises'

/** A job that runs until the test ends it. */
export interface HeldJob {
  readonly name: string
  readonly end: () => void
  readonly fail: (error: Error) => void
}

/** Work of which the test says when it ends, and what has started so far, in order. */
export class HeldJobs {
  readonly started: string[] = []
  readonly running = new Map<string, HeldJob>()

  /** Work that ends by `end(name)` with its name as result. */
  work(name: string): () => Promise<string> {
    return () =>
      new Promise((resolve, reject) => {
        this.started.push(name)
        const leave = (): boolean => this.running.delete(name)
        this.running.set(name, {
          name,
          end: () => leave() && resolve(name),
          fail: (error) => leave() && reject(error),
        })
      })
  }

  /** Ends a job and lets the queue start others. */
  async end(...names: string[]): Promise<void> {
    for (const name of names) this.running.get(name)?.end()
    await setImmediate()
  }

  /** Ends one job after the other until none runs. @returns all that started, in order */
  async drain(): Promise<string[]> {
    for (;;) {
      await setImmediate()
      const [first] = this.running.keys()
      if (first === undefined) return this.started
      await this.end(first)
    }
  }
}

/** Several names with numbers: `names('a', 3)` is `a0`, `a1`, `a2`. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}
