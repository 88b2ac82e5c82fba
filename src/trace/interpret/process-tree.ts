/**
 * Who is whose child: threads, processes, their folders and the command that they belong to.
 *
 * Theory of operation. A line of a child can come before the line that says that its parent's fork, vfork or clone returned; of
 * vfork always. The parent's call is unfinished then. Such a child is *adopted* at once by the guess that is most likely, and the
 * guess is put right when the parent's line names it. Only guests are guessed: nothing becomes one of our own processes before the
 * line of their maker says so (held-records.ts keeps what cannot be told until then).
 *
 * Everything that has ended is forgotten: what is kept is bounded by the number of living threads.
 */
import { Branch } from './branch.js'
import { Process, Thread, WorkingFolder, childKind, type Start, type StartFlags } from './process.js'
import { Starts, type Guess } from './starts.js'

const NO_FLAGS: StartFlags = { thread: false, sharesFolder: false }

/** The living threads of a sandbox. */
export class ProcessTree {
  readonly #threads = new Map<number, Thread>()
  readonly #starts = new Starts()

  constructor(initPid: number, cwd: string | null) {
    const init = new Process(initPid, 'init', Branch.root(), null, [])
    this.#add(new Thread(initPid, init, new WorkingFolder(cwd, '/')))
  }

  thread(pid: number): Thread | undefined {
    return this.#threads.get(pid)
  }

  /** Living threads. */
  get size(): number {
    return this.#threads.size
  }

  /** Whether any living thread is not ours. */
  get hasGuests(): boolean {
    return [...this.#threads.values()].some(({ process: { kind } }) => kind === 'guest' || kind === 'launch')
  }

  /** Whether one of our own processes is just making another. */
  get ownStart(): boolean {
    return this.#starts.own
  }

  /** A thread has entered fork, vfork or clone. */
  beginStart(by: Thread, flags: StartFlags): void {
    this.#starts.begin(by, flags)
  }

  /**
   * The call has returned.
   *
   * @param child - the thread that it made; `null` when it failed
   * @returns the thread, when it was not known before
   */
  endStart(by: Thread, flags: StartFlags, child: number | null): Thread | null {
    const start = this.#starts.close(by) ?? {
      by,
      order: this.#starts.nextOrder(),
      flags,
      from: by.folder,
      own: false,
      child: null,
      certain: false,
    }
    const guess = child === null ? undefined : this.#starts.guessOf(child)
    if (guess === undefined || guess.order < start.order) {
      if (guess !== undefined) this.#starts.forget(guess)
      const made = child === null ? null : this.#make(child, start)
      this.#guessAnew(start)
      return made
    }
    if (guess.start !== start) this.#exchange(guess, start)
    this.#confirm(guess)
    return null
  }

  /** A thread that nobody has announced. */
  adopt(pid: number): Thread {
    const possible = this.#starts.possible()
    const order = this.#starts.nextOrder()
    const start = this.#starts.likely(order)
    if (start === undefined) return this.#adoptStranger(pid, order)
    const { by, flags } = start
    start.certain = possible.length === 1
    const branch = Branch.guessed(by.process.branch)
    const process =
      start.certain && flags.thread ? by.process : new Process(pid, 'guest', branch, by.process.id, by.process.command)
    const thread = this.#add(new Thread(pid, process, this.#folderFrom(start, possible)))
    this.#starts.guess({ thread, branch, order, start })
    return thread
  }

  /** The folder of what a start has made, as far as it can be told. */
  #folderFrom({ by, flags, from, certain }: Start, possible: readonly Start[]): WorkingFolder {
    if (certain && flags.sharesFolder) return by.folder
    const folder = from.copy()
    const others = new Set([...folder.others, ...possible.map((other) => other.from.cwd)])
    others.delete(folder.cwd)
    if (others.size > 0) folder.suspect([...others])
    return folder
  }

  /** Nobody could have made it. */
  #adoptStranger(pid: number, order: number): Thread {
    const branch = Branch.root()
    const thread = this.#add(new Thread(pid, new Process(pid, 'guest', branch, null, []), new WorkingFolder(null, '/')))
    const { folder: from } = thread
    const start = { by: thread, order, flags: NO_FLAGS, from, own: false, child: pid, certain: false }
    this.#starts.guess({ thread, branch, order, start })
    return thread
  }

  /** @returns whether the whole process has ended */
  end(thread: Thread): boolean {
    const start = this.#starts.close(thread)
    this.#remove(thread)
    this.#starts.forgetUnless(thread.id, false)
    if (start !== null) this.#starts.abandon(start, start.child !== null && this.#threads.has(start.child))
    return thread.process.threads.size === 0
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
    this.#starts.close(leader)
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
    thread.process.threads.add(thread)
    return thread
  }

  #remove(thread: Thread): void {
    thread.process.threads.delete(thread)
    if (this.#threads.get(thread.id) === thread) this.#threads.delete(thread.id)
  }

  #make(pid: number, { by, flags, from }: Start): Thread {
    // Its end was never told, and the kernel has given its number to another.
    const stale = this.#threads.get(pid)
    if (stale !== undefined) this.end(stale)
    const { kind, branch, id, command } = by.process
    const itsBranch = kind === 'init' ? Branch.root() : branch.settled()
    const process = flags.thread ? by.process : new Process(pid, childKind(kind), itsBranch, id, command)
    return this.#add(new Thread(pid, process, flags.sharesFolder ? by.folder : from.copy()))
  }

  /** `start` has made another thread than the one that was guessed, or none: that one is somebody else's. */
  #guessAnew(start: Start): void {
    const guess = start.child === null ? undefined : this.#starts.guessOf(start.child)
    if (guess?.start !== start) return
    const next = this.#starts.likely(guess.order)
    if (next === undefined) this.#starts.forgetUnless(guess.thread.id, this.#threads.has(guess.thread.id))
    else this.#assign(guess, next)
  }

  /** What was guessed for one start belongs to another, which is free for what was guessed for that. */
  #exchange(guess: Guess, start: Start): void {
    guess.start.child = null
    this.#guessAnew(start)
    this.#assign(guess, start)
  }

  #assign(guess: Guess, start: Start): void {
    const { thread, branch } = guess
    const { process, folder } = thread
    const isBorrowed = folder === guess.start.by.folder && (thread !== guess.start.by || folder.cwd === null)
    if (isBorrowed || folder.others.length > 0) {
      const supposed = this.#folderFrom({ ...start, certain: false }, this.#starts.possible())
      for (const name of folder.moves) supposed.move(name, process.id)
      if (isBorrowed) thread.folder = supposed
      else folder.become(supposed)
    }
    guess.start = start
    start.child = thread.id
    branch.move(start.by.process.branch)
    if (process.id !== thread.id) return
    process.parentId = start.by.process.id
    if (!process.executed) process.command = start.by.process.command
  }

  /** The maker's line has named the thread. */
  #confirm(guess: Guess): void {
    const { thread, branch } = guess
    const { by, flags, from } = guess.start
    this.#starts.forget(guess)
    this.#regroup(thread, branch, guess.start)
    const { folder } = thread
    if (folder === by.folder) return
    if (folder.others.length > 0 || !folder.told) {
      const { moves } = folder
      const base = flags.sharesFolder ? by.folder : from
      folder.set(base.cwd)
      folder.suspect(base.others)
      for (const name of moves) folder.move(name, thread.process.id)
    } else if (flags.sharesFolder) by.folder.set(folder.cwd)
    if (!flags.sharesFolder) return
    for (const other of this.#threads.values()) if (other.folder === folder) other.folder = by.folder
  }

  /** Puts a thread into its maker's process, or into one of its own, if it is not there. */
  #regroup(thread: Thread, branch: Branch, { by, flags }: Start): void {
    const { process } = thread
    const isApart = process.id === thread.id
    if (!flags.thread && isApart) return
    if (flags.thread && process === by.process) return
    const lives = this.#threads.get(thread.id) === thread
    const { id, command } = by.process
    const actual = flags.thread ? by.process : new Process(thread.id, 'guest', branch, id, command)
    // A process of its own takes the threads along that it has made.
    for (const member of isApart ? [...process.threads] : lives ? [thread] : []) {
      process.threads.delete(member)
      member.process = actual
      actual.threads.add(member)
    }
    thread.process = actual
  }
}
