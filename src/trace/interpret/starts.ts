/** The forks, vforks and clones that have not returned, and the threads that they are taken to have made. */
import type { Branch } from './branch.js'
import type { Start, StartFlags, Thread } from './process.js'

/** Calls in which their thread died: their child can still appear. */
const MAX_ABANDONED = 64

/** A thread that was seen before its maker's call returned. */
export interface Guess {
  readonly thread: Thread
  /** The branch that moves when the guess is put right. */
  readonly branch: Branch
  /** As with {@link Start}. */
  readonly order: number
  start: Start
}

/** Bounded by the number of living threads. */
export class Starts {
  readonly #open = new Set<Start>()
  readonly #guesses = new Map<number, Guess>()
  #abandoned: Start[] = []
  #ownCount = 0
  #order = 0

  /** Whether one of our own processes is just making another. */
  get own(): boolean {
    return this.#ownCount > 0
  }

  begin(by: Thread, flags: StartFlags): void {
    this.close(by)
    const own = by.process.kind !== 'guest'
    by.start = { by, order: this.nextOrder(), flags, from: by.folder.copy(), own, child: null, certain: false }
    this.#open.add(by.start)
    if (by.start.own) this.#ownCount += 1
  }

  /** The call of a thread has ended. */
  close(by: Thread): Start | null {
    const { start } = by
    if (start === null) return null
    by.start = null
    this.#open.delete(start)
    if (start.own) this.#ownCount -= 1
    return start
  }

  /** The thread has died in its call, whose guessed child lives or not. */
  abandon(start: Start, childLives: boolean): void {
    if (start.child !== null) this.forgetUnless(start.child, childLives)
    else if (!start.own) this.#abandoned = [...this.#abandoned, start].slice(-MAX_ABANDONED)
  }

  /** Those that can have made a thread that was not announced. */
  possible(): readonly Start[] {
    return [...this.#open].filter(({ certain, own }) => !certain && !own)
  }

  /** The most likely of those before `order`: the latest that has made nothing yet, or else the latest that somebody died in. */
  likely(order: number): Start | undefined {
    const canBe = (start: Start) => start.child === null && !start.own && start.order < order
    const open = [...this.#open].findLast(canBe)
    if (open !== undefined) return open
    const abandonedAt = this.#abandoned.findLastIndex(canBe)
    return abandonedAt < 0 ? undefined : this.#abandoned.splice(abandonedAt, 1)[0]
  }

  nextOrder(): number {
    this.#order += 1
    return this.#order
  }

  guess(guess: Guess): void {
    guess.start.child = guess.thread.id
    this.#guesses.set(guess.thread.id, guess)
  }

  guessOf(pid: number): Guess | undefined {
    return this.#guesses.get(pid)
  }

  /** There is nothing to be put right any more. */
  forget(guess: Guess): void {
    guess.branch.settle()
    this.#guesses.delete(guess.thread.id)
  }

  /** A guess is of use until its start returns, or while its thread lives. */
  forgetUnless(pid: number, lives: boolean): void {
    const guess = this.#guesses.get(pid)
    if (guess !== undefined && !lives && !this.#open.has(guess.start)) this.forget(guess)
  }
}
