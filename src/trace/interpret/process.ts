/** What is remembered of living processes and threads. */
import type { Branch } from './branch.js'
import { resolvePath } from './resolve-path.js'

/** Relative names that are remembered while it is not known from where they start. Programs go to one or two. */
const MAX_MOVES = 100

/** The working directory and root that threads can share (`fs_struct` of Linux). */
export class WorkingFolder {
  /** `null` when it cannot be told. */
  cwd: string | null
  root: string
  /** Other folders that it can be, while it is not known which of several processes made this one. */
  others: readonly (string | null)[] = []
  /** The relative names that it went to since it was not known from where. */
  moves: readonly string[] = []
  /** Whether it was told since it is here, and is not only what its maker had. */
  told = false
  /** The annotation of AT_FDCWD that told it, to know it again. */
  annotation: string | null = null

  constructor(cwd: string | null, root: string) {
    this.cwd = cwd
    this.root = root
  }

  /** It is known from now on. */
  set(cwd: string | null, annotation: string | null = null): void {
    this.cwd = cwd
    this.others = []
    this.moves = []
    this.told = true
    this.annotation = annotation
  }

  /** It can as well be one of these. */
  suspect(others: readonly (string | null)[]): void {
    this.others = others
    this.annotation = null
  }

  /** Goes to a relative name. */
  move(name: string, processId: number): void {
    const from = (folder: string | null) => resolvePath(name, { folder, root: this.root, processId })
    if (this.moves.length >= MAX_MOVES) return this.set(null)
    const [others, moves] = [this.others.map(from), [...this.moves, name]]
    this.set(from(this.cwd))
    if (others.length === 0) return
    this.others = others
    this.moves = moves
  }

  /** Turns out to be that, for all who share it. */
  become({ cwd, root, others, moves, annotation }: WorkingFolder): void {
    Object.assign(this, { cwd, root, others, moves, annotation })
  }

  /** For a process that is made from here. */
  copy(): WorkingFolder {
    const copy = new WorkingFolder(this.cwd, this.root)
    copy.others = this.others
    copy.annotation = this.annotation
    return copy
  }
}

/**
 * `init`: the first process. `own`: made by init. `launch`: made by one of those, and nothing executed yet.
 * `guest`: all others. Kinds follow who made a process, whatever becomes its parent later.
 */
export type ProcessKind = 'init' | 'own' | 'launch' | 'guest'

/** A thread group. */
export class Process {
  readonly id: number
  kind: ProcessKind
  readonly branch: Branch
  /** Who made it. */
  parentId: number | null
  command: readonly string[]
  /** Whether `command` is its own, and not that of the process it was copied from. */
  executed = false
  /** A SIGSYS was seen: that it ends by one is no news. */
  sawSigsys = false
  readonly threads = new Set<Thread>()

  constructor(id: number, kind: ProcessKind, branch: Branch, parentId: number | null, command: readonly string[]) {
    this.id = id
    this.kind = kind
    this.branch = branch
    this.parentId = parentId
    this.command = command
  }
}

/** A thread; that with the id of its process is the leader. */
export class Thread {
  readonly id: number
  process: Process
  folder: WorkingFolder
  /** Its fork, vfork or clone that has not returned. */
  start: Start | null = null

  constructor(id: number, process: Process, folder: WorkingFolder) {
    this.id = id
    this.process = process
    this.folder = folder
  }
}

/** A fork, vfork or clone that has not returned. */
export interface Start {
  readonly by: Thread
  /** Counts calls and guesses: nothing was made before its maker's call. */
  readonly order: number
  readonly flags: StartFlags
  /** Where `by` was when it entered the call; siblings that share its folder can move on meanwhile. */
  readonly from: WorkingFolder
  /** Whether one of our own processes makes another. */
  readonly own: boolean
  /** The thread that it is taken to have made, because it was seen before the call returned. */
  child: number | null
  /** No other call could have made `child`. */
  certain: boolean
}

/** What of the flags of clone(2) decides. */
export interface StartFlags {
  readonly thread: boolean
  readonly sharesFolder: boolean
}

/** The kind of what a process of a kind makes. */
export function childKind(kind: ProcessKind): ProcessKind {
  if (kind === 'init') return 'own'
  return kind === 'guest' ? 'guest' : 'launch'
}
