/** The names that were used, as a tree of bounded size. */
import type { AccessEvent } from '../event.js'
import { ownText } from '../own-text.js'

/** What was done to a name, as one letter. */
export type FileMark = 'r' | 'w' | 'c' | 'd' | 'n' | 'm' | 'l' | 'x'

/** One name. */
export interface FileNode {
  readonly name: string
  /** `null` for a name without names below it. */
  children: Map<string, FileNode> | null
  readonly marks: Partial<Record<FileMark, number>>
  /** Accesses to this very name. */
  accesses: number
  /** Of them: the kernel refused it. */
  refused: number
  /** Of them: the policy does not allow it. */
  violations: number
  /** Of them: nothing was there. */
  absent: number
}

/** Deeper ones are shown as one name: browsers stop nesting at 512 elements. */
const MAX_DEPTH = 24

/** Where names go whose folder could not be told. */
export const UNRESOLVED = 'not resolved'

function createNode(name: string): FileNode {
  return { name, children: null, marks: {}, accesses: 0, refused: 0, violations: 0, absent: 0 }
}

/** Metadata that is only looked at is told from metadata that is changed. */
function markOf(event: AccessEvent): FileMark | null {
  switch (event.mode) {
    case 'read':
      return 'r'
    case 'write':
      return 'w'
    case 'create':
      return 'c'
    case 'remove':
      return 'd'
    case 'rename':
      return 'n'
    case 'metadata':
      return event.access === 'read' ? 'l' : 'm'
    case 'exec':
      return 'x'
    case 'connect':
    case 'bind':
      return null
  }
}

/** `true` when the call found no such name. */
export function isAbsent(errno: string | null): boolean {
  return errno === 'ENOENT' || errno === 'ENOTDIR'
}

/** Adds names until it is full, then only counts. */
export class FileTree {
  readonly root = createNode('/')
  readonly unresolved = createNode(UNRESOLVED)
  /** Different names, folders on the way not counted. */
  files = 0
  /** Accesses to names that came when the tree was full. */
  hidden = 0
  #nodes = 0
  #chars = 0
  readonly #maxFiles: number

  /** @param maxFiles - names; folders on the way count one half */
  constructor(maxFiles: number) {
    this.#maxFiles = maxFiles
  }

  /** @param refused - whether the kernel refused the access */
  add(event: AccessEvent, refused: boolean): void {
    const mark = markOf(event)
    if (mark === null) return
    const node = this.#find(event)
    if (node === null) {
      this.hidden += 1
      return
    }
    if (node.accesses === 0) this.files += 1
    node.accesses += 1
    node.marks[mark] = (node.marks[mark] ?? 0) + 1
    if (refused) node.refused += 1
    if (!event.allowed) node.violations += 1
    if (isAbsent(event.errno)) node.absent += 1
  }

  #find(event: AccessEvent): FileNode | null {
    const { path } = event
    let node = path === null ? this.unresolved : this.root
    for (const name of path === null ? [event.file] : splitPath(path)) {
      let next = node.children?.get(name)
      if (next === undefined) {
        if (this.#isFull) return null
        this.#nodes += 1
        this.#chars += name.length
        next = createNode(ownText(name))
        node.children ??= new Map()
        node.children.set(next.name, next)
      }
      node = next
    }
    return node
  }

  /** 200 characters a name on average: 20,000 names are then at most 8 MB. */
  get #isFull(): boolean {
    const max = this.#maxFiles
    return this.files >= max || this.#nodes >= 2 * max || this.#chars >= 200 * max
  }
}

function splitPath(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '')
  return names.length <= MAX_DEPTH ? names : [...names.slice(0, MAX_DEPTH - 1), names.slice(MAX_DEPTH - 1).join('/')]
}
