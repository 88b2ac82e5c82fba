/** To which command a process belongs, also while that is a guess. */

/**
 * A part of the tree of processes: all of one command, or what descends from a process whose maker is not certain. Putting a guess
 * right moves the whole branch.
 */
export class Branch {
  #commandId: number | null = null
  #from: Branch | null
  #settled: boolean

  private constructor(from: Branch | null, settled: boolean) {
    this.#from = from
    this.#settled = settled
  }

  /** That of a process that init made, or that nobody knows. */
  static root(): Branch {
    return new Branch(null, true)
  }

  /** That of a process that `from` is guessed to have made. */
  static guessed(from: Branch): Branch {
    return new Branch(from.settled(), false)
  }

  /** `null` before the marker, and for what belongs to no command. */
  get commandId(): number | null {
    return this.#from === null ? this.#commandId : this.#from.commandId
  }

  set commandId(commandId: number) {
    this.#commandId = commandId
  }

  /** Another process has made it. */
  move(from: Branch): void {
    this.#from = from.settled()
  }

  /** It stays where it is. */
  settle(): void {
    this.#settled = true
  }

  /** The same, without those that guesses have left behind: chains do not grow from one generation to the next. */
  settled(): Branch {
    return this.#settled && this.#from !== null ? this.#from.settled() : this
  }
}
