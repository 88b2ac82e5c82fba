/** One command in its sandbox, from `spawn` to `exit`. */
import { PassThrough } from 'node:stream'
import type { SandboxOptions, SpawnOptions } from '../../options/index.js'
import { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import type { SandboxProcess } from '../../sandbox/sandbox-process.js'
import type { Violation } from '../../trace/index.js'
import type { Grants } from './grants.js'
import { jailUserOf } from './jail-user.js'
import { missingFileJudge } from './missing-files.js'
import type { OutputStream } from './output-stream.js'

/** What a jailbreak tells. */
export interface Jailbreak {
  /** Executing is reading, and connecting to a socket in the file system is writing. */
  readonly mode: 'read' | 'write'
  /** The absolute path; what a link led to when it was opened. */
  readonly file: string
}

/** What a command is started with. */
export interface JailedStart {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly asked: { readonly uid?: number | undefined; readonly gid?: number | undefined }
  readonly spawn: Pick<SpawnOptions, 'timeoutMs' | 'signal' | 'killSignal'>
  readonly grants: Grants
  readonly sandbox: SandboxOptions
}

/** Who is told. */
export interface JailedHooks {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  onSpawn(): void
  onJailbreak(jailbreak: Jailbreak): void
  onError(error: Error): void
}

/** The only thing that a drop-in limits more generously than a sandbox of its own: it may run for as long as timers go. */
const LIFETIME_MS = 2_147_483_647

/** A command that runs, is about to, or has ended. */
export class JailedCommand {
  readonly stdin = new PassThrough()
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  readonly #hooks: JailedHooks
  readonly #abort = new AbortController()
  #child: SandboxProcess | null = null
  #sandbox: ContainerSandbox | null = null
  #killedBy: NodeJS.Signals | null = null

  constructor(hooks: JailedHooks) {
    this.#hooks = hooks
    this.stdin.on('error', () => undefined)
  }

  /** In the sandbox; `undefined` until it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** @returns `false` when there is nobody to be killed */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    if (this.#child !== null) return this.#child.kill(signal)
    if (this.#abort.signal.aborted || this.exitCode !== null) return false
    if (signal === 0) return true
    this.#killedBy = typeof signal === 'number' ? 'SIGTERM' : signal
    this.#abort.abort()
    return true
  }

  /** Runs the command to its end, with all that was said about it told. Never rejects. */
  async run(start: JailedStart): Promise<void> {
    try {
      const sandbox = await this.#open(start)
      const child = sandbox.spawn(start.file, start.args, { ...start.spawn, cwd: start.cwd })
      await this.#follow(child)
    } catch (error) {
      if (this.#killedBy === null) this.#hooks.onError(error as Error)
      else this.signalCode = this.#killedBy
    } finally {
      this.stdin.destroy()
      // Everything that was seen is in the queue by now, and is read in this turn.
      await new Promise((resolve) => setImmediate(resolve))
      void this.#sandbox?.kill()
    }
  }

  async #open({ cwd, env, asked, grants, sandbox: own }: JailedStart): Promise<ContainerSandbox> {
    const user = await jailUserOf(cwd, asked)
    this.#abort.signal.throwIfAborted()
    const sandbox = new ContainerSandbox({
      base: 'host',
      ...own,
      user: own.user ?? user,
      env: { ...own.env, ...env },
      limits: { lifetimeMs: LIFETIME_MS, ...own.limits },
      mounts: [...grants.mounts, ...(own.mounts ?? [])],
      trace: { maxQueuedEvents: 1_000_000, ...(typeof own.trace === 'object' ? own.trace : {}), ...grants.trace },
      signal:
        own.signal === undefined || own.signal === null
          ? this.#abort.signal
          : AbortSignal.any([own.signal, this.#abort.signal]),
    })
    this.#sandbox = sandbox
    sandbox.on('jailbreak', (violation) => this.#hooks.onJailbreak(jailbreakOf(violation)))
    await sandbox.start()
    const isReportedOnly = typeof own.trace === 'object' && own.trace?.onViolation === 'report'
    void this.#watchMissing(sandbox, missingFileJudge(grants.trace), isReportedOnly)
    return sandbox
  }

  async #watchMissing(
    sandbox: ContainerSandbox,
    judge: ReturnType<typeof missingFileJudge>,
    isReportedOnly: boolean,
  ): Promise<void> {
    for await (const event of sandbox.trace.events()) {
      const file = event.kind === 'gap' ? null : judge(event)
      if (file === null) continue
      if (!isReportedOnly) this.#child?.kill('SIGKILL', 'tree')
      this.#hooks.onJailbreak({ mode: 'read', file })
    }
  }

  async #follow(child: SandboxProcess): Promise<void> {
    this.#child = child
    const { stdout, stderr } = this.#hooks
    child.once('spawn', () => this.#hooks.onSpawn())
    child.once('error', (error) => this.#hooks.onError(error))
    if (child.stdin !== null) this.stdin.pipe(child.stdin).on('error', () => undefined)
    const closed = new Promise((resolve) => child.once('close', resolve))
    const outputs = [child.stdout && stdout.follow(child.stdout), child.stderr && stderr.follow(child.stderr)]
    await Promise.all([closed, ...outputs])
    this.exitCode = child.exitCode
    this.signalCode = child.signalCode
  }
}

function jailbreakOf({ access, path, file }: Violation): Jailbreak {
  return {
    mode: access === 'read' || access === 'exec' ? 'read' : 'write',
    file: (path ?? file).replace(/^unix:(?=\/)/, ''),
  }
}
