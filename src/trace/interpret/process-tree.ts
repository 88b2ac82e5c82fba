/**
 * Who is whose child: threads, processes, their folders and the command that they belong to.
 *
 * Theory of operation. A line of a child can come before the line that says that its parent's fork, vfork or clone returned; of
 * vfork always. The parent's call is unfinished then. Such a child is *adopted* at once by the guess that is most likely, and the
 * guess is put right when the parent's line names it. Only guests are guessed: nothing becomes one of our own processes before the
 * line of their maker says so (interpreter.ts holds back what is not known until then).
 *
 * Everything that has ended is forgotten: what is kept is bounded by the number of living threads.
 */
import { Process, Thread, WorkingFolder, childKind, type Start, type StartFlags, type Tree } from './process.js'

/** Calls whose thread died in them: their child can still appear. */
const MAX_ABANDONED = 64

/** A thread that was seen before its maker's call returned. */
interface Guess {
  readonly thread: Thread
  start: Start
}

/** The living threads of a sandbox. */
export class ProcessTree {
  readonly #threads = new Map<number, Thread>()
  readonly #processes = new Map<number, Process>()
  readonly #starts = new Set<Start>()
  readonly #guesses = new Map<number, Guess>()
  #abandoned: Start[] = []
  #ownStarts = 0

  constructor(initPid: number, cwd: string | null) {
    const init = new Process(initPid, 'init', { commandId: null }, null, [])
    this.#add(new Thread(initPid, init, new WorkingFolder(cwd, '/')))
  }

  thread(pid: number): Thread | undefined {
    return this.#threads.get(pid)
  }

  /** Living threads. */
  get size(): number {
    return this.#threads.size
  }

  /** Whether one of our own processes is just making another. */
  get ownStart(): boolean {
    return this.#ownStarts > 0
  }

  /** A thread has entered fork, vfork or clone. */
  beginStart(by: Thread, flags: StartFlags): void {
    this.#dropStart(by)
    by.start = { by, flags, own: by.process.kind !== 'guest', child: null, certain: false }
    this.#starts.add(by.start)
    if (by.start.own) this.#ownStarts += 1
  }

  /**
   * The call has returned.
   *
   * @param child - the thread that it made; `null` when it failed
   * @returns the thread, when it was not known before
   */
  endStart(by: Thread, flags: StartFlags, child: number | null): Thread | null {
    const { start } = by
    this.#dropStart(by)
    if (child === null) {
      if (start !== null) this.#guessAnew(start)
      return null
    }
    const guess = this.#guesses.get(child)
    if (guess === undefined) {
      const made = this.#make(child, by, flags)
      if (start !== null) this.#guessAnew(start)
      return made
    }
    this.#guesses.delete(child)
    const actual = start ?? { by, flags, own: false, child, certain: true }
    if (guess.start !== actual) this.#swap(guess, actual)
    this.#confirm(guess.thread, actual)
    return null
  }

  /** A thread that nobody has announced. */
  adopt(pid: number): Thread {
    const possible = [...this.#starts].filter(({ certain }) => !certain)
    const start = possible.findLast(({ child }) => child === null) ?? this.#abandoned.pop()
    if (start === undefined) return this.#adoptStranger(pid)
    const thread = this.#make(pid, start.by, start.flags, possible.length > 1)
    const cwds = new Set(possible.map(({ by }) => by.folder.cwd))
    cwds.delete(thread.folder.cwd)
    if (cwds.size > 0) thread.folder.suspect([...cwds])
    start.child = pid
    start.certain = possible.length === 1 && this.#abandoned.length === 0
    this.#guesses.set(pid, { thread, start })
    return thread
  }

  /** Nobody could have made it. */
  #adoptStranger(pid: number): Thread {
    const thread = new Thread(
      pid,
      new Process(pid, 'guest', { commandId: null }, null, []),
      new WorkingFolder(null, '/'),
    )
    const start = { by: thread, flags: { thread: false, sharesFolder: false }, own: false, child: pid, certain: false }
    this.#guesses.set(pid, { thread, start })
    return this.#add(thread)
  }

  /** @returns whether the whole process has ended */
  end(thread: Thread): boolean {
    const { start, process } = thread
    this.#dropStart(thread)
    if (start?.child === null && !start.own) this.#abandoned = [...this.#abandoned, start].slice(-MAX_ABANDONED)
    this.#remove(thread)
    // A guess is of use until its start returns, or while its thread lives.
    for (const id of [thread.id, start?.child ?? thread.id]) {
      const guess = this.#guesses.get(id)
      if (guess !== undefined && !this.#starts.has(guess.start) && !this.#threads.has(id)) this.#guesses.delete(id)
    }
    return process.threads.size === 0
  }

  /**
   * A thread that is not the leader has called execve and goes on with the leader's id.
   *
   * @returns the thread whose id is gone
   */
  supersede(leaderId: number, by: number): Thread | null {
    const caller = this.#threads.get(by)
    if (caller === undefined || by === leaderId) return null
    const leader = this.#threads.get(leaderId) ?? this.#add(new Thread(leaderId, caller.process, caller.folder))
    leader.folder = caller.folder
    this.#dropStart(leader)
    this.end(caller)
    return caller
  }

  /**
   * A successful execve: no other thread is left.
   *
   * @returns those whose end was not told
   */
  execute(thread: Thread, command: readonly string[]): readonly Thread[] {
    const { process } = thread
    process.command = command
    process.executed = true
    if (process.kind === 'launch') process.kind = 'guest'
    if (process.threads.size === 1) return []
    const gone = [...process.threads].filter((other) => other !== thread)
    for (const other of gone) this.end(other)
    return gone
  }

  #add(thread: Thread): Thread {
    this.#threads.set(thread.id, thread)
    if (!this.#processes.has(thread.process.id)) this.#processes.set(thread.process.id, thread.process)
    return thread
  }

  #remove(thread: Thread): void {
    const { process } = thread
    process.threads.delete(thread)
    if (this.#threads.get(thread.id) === thread) this.#threads.delete(thread.id)
    if (process.threads.size > 0) return
    if (this.#processes.get(process.id) === process) this.#processes.delete(process.id)
  }

  #make(pid: number, by: Thread, flags: StartFlags, copies = false): Thread {
    // Its end was never told, and the kernel has given its number to another.
    const stale = this.#threads.get(pid)
    if (stale !== undefined) this.end(stale)
    const folder = flags.sharesFolder && !copies ? by.folder : by.folder.copy()
    return this.#add(new Thread(pid, flags.thread ? by.process : this.#child(pid, by.process), folder))
  }

  #child(pid: number, { kind, tree, id, command }: Process): Process {
    if (kind === 'init') return new Process(pid, 'own', { commandId: null }, id, command)
    return new Process(pid, childKind(kind), tree, id, command)
  }

  #dropStart(thread: Thread): void {
    const { start } = thread
    if (start === null) return
    thread.start = null
    this.#starts.delete(start)
    if (start.own) this.#ownStarts -= 1
  }

  /** `start` has made another thread than the one that was guessed, or none: that one is somebody else's. */
  #guessAnew(start: Start): void {
    const guess = start.child === null ? undefined : this.#guesses.get(start.child)
    if (guess?.start !== start) return
    const next = [...this.#starts].findLast(({ child }) => child === null)
    if (next === undefined) this.#guesses.delete(guess.thread.id)
    else this.#bind(guess, next)
  }

  /** `guess` was made for one start and belongs to `actual`: the two change places. */
  #swap(guess: Guess, actual: Start): void {
    const other = actual.child === null ? undefined : this.#guesses.get(actual.child)
    guess.start.child = null
    if (other !== undefined) this.#bind(other, guess.start)
    this.#place(guess.thread, actual)
  }

  #bind(guess: Guess, start: Start): void {
    guess.start = start
    start.child = guess.thread.id
    this.#place(guess.thread, start)
  }

  /** The guess was right, or has been put right. */
  #confirm(thread: Thread, { by, flags }: Start): void {
    const { folder } = thread
    if (folder === by.folder) return
    if (folder.others.length > 0) folder.set(by.folder.cwd)
    else if (flags.sharesFolder) by.folder.set(folder.cwd)
    if (flags.sharesFolder) thread.folder = by.folder
  }

  /** Moves a thread that lives, or has ended, below the one that made it. */
  #place(thread: Thread, { by, flags }: Start): void {
    const before = thread.process
    if (flags.thread && before === by.process) return
    if (!flags.thread && before.id === thread.id) {
      const { kind, tree } = this.#child(thread.id, by.process)
      before.parentId = by.process.id
      before.kind = kind === 'launch' && before.executed ? 'guest' : kind
      if (!before.executed) before.command = by.process.command
      this.#changeTree(before, tree)
      return
    }
    const lives = this.#threads.get(thread.id) === thread
    if (lives) this.#remove(thread)
    thread.process = flags.thread ? by.process : this.#child(thread.id, by.process)
    if (!lives) return
    thread.process.threads.add(thread)
    this.#add(thread)
  }

  #changeTree(process: Process, tree: Tree): void {
    if (process.tree === tree) return
    const moved = new Set([process.id])
    // A map keeps the order of insertion: children come behind their parents.
    for (const { id, parentId } of this.#processes.values()) {
      if (parentId !== null && moved.has(parentId)) moved.add(id)
    }
    for (const id of moved) {
      const descendant = this.#processes.get(id)
      if (descendant !== undefined) descendant.tree = tree
    }
    process.tree = tree
  }
}
