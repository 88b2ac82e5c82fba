/**
 * A small kernel: processes and threads that fork, vfork, clone, execute, move and end in any order, and the lines that strace
 * writes about them. It knows what each line's thread really is.
 */

interface Fs {
  cwd: string
  /** Nobody can tell the folder: it was copied from one that was not certain at that time. */
  vague: boolean
}

type Kind = 'init' | 'own' | 'launch' | 'guest'

interface Group {
  id: number
  kind: Kind
  command: number | null
  argv: string
  /** As with {@link Fs}. */
  vagueArgv: boolean
  members: Set<Task>
  /** Who made it, while that is not told. */
  maker: Task | null
  parent: Group | null
}

interface Task {
  id: number
  group: Group
  fs: Fs
  /** The call in which it waits. */
  start: { name: string; child: Task | null; vfork: boolean } | null
  /** Who waits in the call that made it. */
  maker: Task | null
}

/** What an interpreter must say about a line. */
export interface Truth {
  readonly pid: number
  /** `null` for what is not told at that time. */
  readonly processId: number | null
  readonly commandId: number | null
  readonly path: string | null
  readonly argv: string | null
}

/** One step: who and what, taken modulo what there is. */
export interface Step {
  readonly who: number
  readonly what: number
  readonly choice: number
}

const MAX_TASKS = 14
const FAILED = '-1 EAGAIN (Resource temporarily unavailable)'

const STARTS = [
  { name: 'fork', args: '', thread: false, fs: false, vfork: false },
  { name: 'vfork', args: '', thread: false, fs: false, vfork: true },
  {
    name: 'clone',
    args: 'child_stack=0x7f, flags=CLONE_VM|CLONE_VFORK|SIGCHLD',
    thread: false,
    fs: false,
    vfork: true,
  },
  { name: 'clone', args: 'child_stack=NULL, flags=CLONE_FS|SIGCHLD', thread: false, fs: true, vfork: false },
  {
    name: 'clone3',
    args: '{flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0}, 88',
    thread: true,
    fs: true,
    vfork: false,
  },
] as const

/** Writes the log while the world goes on. */
export class ProcessModel {
  readonly lines: string[] = []
  /** By the name that the line looks at. */
  readonly truths = new Map<string, Truth>()
  /** Names that our own processes looked at. */
  readonly silent: string[] = []
  #tasks: Task[] = []
  #names = 0
  #commands = 0
  #fresh = 1000

  constructor() {
    const init: Group = {
      id: 1,
      kind: 'init',
      command: null,
      argv: '',
      vagueArgv: false,
      members: new Set<Task>(),
      maker: null,
      parent: null,
    }
    this.#add(1, init, { cwd: '/', vague: false })
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) {
      const task = this.#tasks[step.who % this.#tasks.length]
      if (task !== undefined) this.#step(task, step.what % 12, step.choice)
    }
    this.#finish()
  }

  /** Lets every call return, looks once more from everywhere, and ends all but init. */
  #finish(): void {
    for (let round = 0; round < MAX_TASKS; round += 1) {
      for (const task of [...this.#tasks]) {
        if (task.start === null && task.maker?.start?.vfork === true) this.#execute(task)
        this.#return(task)
      }
    }
    for (const task of this.#tasks) this.#look(task)
    for (let round = 0; round < MAX_TASKS; round += 1) {
      for (const task of [...this.#tasks]) if (task.id !== 1) this.#end(task)
    }
  }

  #step(task: Task, what: number, choice: number): void {
    if (task.start !== null) return this.#return(task)
    const { kind } = task.group
    if (kind === 'own' && task.group.command === null) return this.#mark(task)
    if (kind === 'init' || kind === 'own') return what < 4 ? this.#start(task, choice) : this.#look(task)
    if (what < 3) this.#look(task)
    else if (what < 6) this.#move(task, choice)
    else if (what < 8) this.#execute(task)
    else if (what < 11 && kind === 'guest') this.#start(task, choice)
    else this.#end(task)
  }

  #add(id: number, group: Group, fs: Fs, maker: Task | null = null): Task {
    const task = { id, group, fs, start: null, maker }
    group.members.add(task)
    this.#tasks.push(task)
    return task
  }

  #print(task: Task, text: string): void {
    this.lines.push(`${task.id} ${text}`)
  }

  /** Whether it is known who made it, and who made that one. */
  #isSettled(task: Task): boolean {
    return task.maker === null
  }

  #settle(task: Task): void {
    if (task.group.maker === task.maker) task.group.maker = null
    task.maker = null
  }

  /** Whether it is known which command a process belongs to. */
  #isRooted(group: Group): boolean {
    return group.maker === null && (group.parent === null || this.#isRooted(group.parent))
  }

  /** The kernel goes through all numbers before it gives one out again: not while one of our own forks is open. */
  #freeId(): number {
    if (this.#tasks.some(({ start, group }) => start !== null && group.kind !== 'guest')) return (this.#fresh += 1)
    const used = new Set(this.#tasks.flatMap(({ id, group, start }) => [id, group.id, start?.child?.id ?? 0]))
    let id = 2
    while (used.has(id)) id += 1
    return id
  }

  #mark(task: Task): void {
    this.#commands += 1
    task.group.command = this.#commands
    this.#print(task, `access("/.sandbox/command/${this.#commands}", F_OK) = -1 ENOENT (No such file or directory)`)
  }

  #look(task: Task): void {
    if (task.start !== null) return
    const name = `n${(this.#names += 1)}`
    this.#print(task, `stat("${name}", 0x7ff) = -1 ENOENT (No such file or directory)`)
    const { group, fs } = task
    if (group.kind !== 'guest') {
      this.silent.push(name)
      return
    }
    const isSettled = [...group.members].every((member) => this.#isSettled(member))
    this.truths.set(name, {
      pid: task.id,
      processId: isSettled ? group.id : null,
      commandId: isSettled && this.#isRooted(group) ? group.command : null,
      path: isSettled && !fs.vague ? `${fs.cwd === '/' ? '' : fs.cwd}/${name}` : null,
      argv: isSettled && !group.vagueArgv ? group.argv : null,
    })
  }

  #move(task: Task, choice: number): void {
    const { fs } = task
    // Whose chdir was the later cannot be told while it is open who shares the folder.
    if (this.#tasks.some((other) => other.fs === fs && !this.#isSettled(other))) {
      if (this.#tasks.some((other) => other !== task && other.fs === fs)) return
    }
    const folder = `d${choice % 5}`
    if (choice % 3 === 0) {
      this.#print(task, `chdir("${folder}") = 0`)
      fs.cwd = `${fs.cwd === '/' ? '' : fs.cwd}/${folder}`
      return
    }
    this.#print(task, choice % 3 === 1 ? `fchdir(3</${folder}>) = 0` : `chdir("/x/../${folder}/.") = 0`)
    fs.cwd = `/${folder}`
    fs.vague = false
  }

  #execute(task: Task): void {
    const { group } = task
    if (group.kind === 'init' || group.kind === 'own' || (group.kind === 'launch' && !this.#isSettled(task))) return
    const others = [...group.members].filter((member) => member !== task)
    if (others.some(({ start }) => start !== null)) return
    if (others.some((member) => !this.#isSettled(member))) return
    if (task.id !== group.id && !this.#isSettled(task)) return
    const argv = `p${(this.#names += 1)}`
    const call = `execve("/bin/${argv}", ["${argv}"], 0x7ff /* 2 vars */`
    if (others.length === 0) this.#print(task, `${call}) = 0`)
    else this.#print(task, `${call} <unfinished ...>`)
    for (const other of others) {
      if (other.id !== group.id) this.#print(other, '+++ exited with 0 +++')
      this.#forget(other)
    }
    if (others.length > 0) {
      const by = task.id
      task.id = group.id
      if (by !== group.id) this.#print(task, `+++ superseded by execve in pid ${by} +++`)
      this.#print(task, '<... execve resumed>) = 0')
    }
    Object.assign(group, { argv, vagueArgv: false, kind: 'guest' })
    const { maker } = task
    if (maker?.start?.vfork === true) maker.start = { ...maker.start, vfork: false }
  }

  #start(task: Task, choice: number): void {
    const { group } = task
    const ours = group.kind !== 'guest'
    const form = STARTS[ours ? 0 : choice % STARTS.length]
    if (form === undefined || this.#tasks.length >= MAX_TASKS) return
    const opening = `${form.name}(${form.args}`
    if (choice % 7 === 0) return this.#print(task, `${opening}) = ${FAILED}`)
    const isWhole = !form.vfork && choice % 2 === 0
    const fails = choice % 11 === 1
    const id = this.#freeId()
    const child = fails && !isWhole ? null : this.#child(task, id, form)
    if (isWhole) {
      if (child !== null) this.#settle(child)
      return this.#print(task, `${opening}) = ${id}`)
    }
    task.start = { name: form.name, child, vfork: form.vfork && child !== null }
    this.#print(task, `${opening} <unfinished ...>`)
  }

  #child(maker: Task, id: number, form: (typeof STARTS)[number]): Task {
    const { group } = maker
    const isVague = group.maker !== null || !this.#isSettled(maker)
    const fs = form.fs ? maker.fs : { cwd: maker.fs.cwd, vague: maker.fs.vague || isVague }
    if (form.fs && isVague) fs.vague = true
    if (form.thread) return this.#add(id, group, fs, maker)
    const kind = group.kind === 'init' ? 'own' : group.kind === 'own' ? 'launch' : 'guest'
    const { command, argv } = group
    const vagueArgv = group.vagueArgv || isVague
    return this.#add(id, { id, kind, command, argv, vagueArgv, members: new Set(), maker, parent: group }, fs, maker)
  }

  #return(task: Task): void {
    const { start } = task
    if (start === null || start.vfork) return
    task.start = null
    if (start.child !== null) this.#settle(start.child)
    this.#print(task, `<... ${start.name} resumed>) = ${start.child?.id ?? FAILED}`)
  }

  #end(task: Task): void {
    const { group, maker } = task
    if (task.start !== null || (task.id === group.id && group.members.size > 1)) return
    this.#print(task, '+++ exited with 0 +++')
    this.#forget(task)
    if (maker?.start?.vfork === true) maker.start = { ...maker.start, vfork: false }
  }

  #forget(task: Task): void {
    task.group.members.delete(task)
    this.#tasks = this.#tasks.filter((other) => other !== task)
  }
}
