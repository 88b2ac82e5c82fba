/** A sandbox in the hands of a pool, between its start and its end. */
import { ContainerSandbox } from '../sandbox/container-sandbox.js'
import type { ResolvedTemplate } from '../options/pool-options.js'
import { readBaseline, type ResetBaseline } from './reset.js'

/** What can happen to a sandbox that lies idle. Each is called at most once. */
export interface IdleHooks {
  /** It has ended by itself. */
  onEnded(): void
  /** It should be replaced. */
  onStale(): void
  /** It may not be handed out any more. */
  onExpired(): void
}

/** One ready sandbox. */
export class PooledSandbox {
  readonly sandbox: ContainerSandbox
  /** What it looked like before its first use; `null` when it is used only once. */
  readonly baseline: ResetBaseline | null
  uses = 0
  /** Whom it was handed out to; what it may be handed out to again. */
  affinity: string | null = null
  isStale = false
  /** `performance.now()` when it was ready. */
  readonly readyAt = performance.now()
  #timers: NodeJS.Timeout[] = []
  #onExit: (() => void) | null = null

  constructor(sandbox: ContainerSandbox, baseline: ResetBaseline | null) {
    this.sandbox = sandbox
    this.baseline = baseline
  }

  get ageMs(): number {
    return performance.now() - this.readyAt
  }

  get isAlive(): boolean {
    return this.sandbox.state === 'ready'
  }

  /** Watches it while nobody has it, by its events and by timers for two ages. Ends with {@link take}. */
  lay(staleAtMs: number, expiresAtMs: number, hooks: IdleHooks): void {
    const onStale = (): void => {
      this.isStale = true
      hooks.onStale()
    }
    this.#onExit = () => hooks.onEnded()
    this.sandbox.once('exit', this.#onExit)
    const { ageMs } = this
    this.#timers = [setTimeout(onStale, staleAtMs - ageMs), setTimeout(() => hooks.onExpired(), expiresAtMs - ageMs)]
    for (const timer of this.#timers) timer.unref()
  }

  take(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
    if (this.#onExit !== null) this.sandbox.off('exit', this.#onExit)
    this.#onExit = null
  }

  /** Whether it answers a ping in time. */
  async answers(timeoutMs: number): Promise<boolean> {
    if (!this.isAlive) return false
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, timeoutMs, false)))
    const answer = this.sandbox.ping().then(
      () => true,
      () => false,
    )
    try {
      return await Promise.race([answer, silence])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it without asking what runs in it. Never rejects. */
  async end(): Promise<void> {
    for (const child of this.sandbox.running) child.kill('SIGKILL', 'tree')
    await this.sandbox.kill()
  }
}

/** A sandbox on its way. */
export class SandboxStart {
  /** Begun because somebody waits, and not for the idle count. */
  readonly isDemanded: boolean
  /** Rejects with what `ContainerSandbox.create` throws; nothing is left behind then. */
  readonly done: Promise<PooledSandbox>
  #sandbox: ContainerSandbox | null = null

  constructor(template: ResolvedTemplate, { isDemanded, isReusable }: { isDemanded: boolean; isReusable: boolean }) {
    this.isDemanded = isDemanded
    this.done = this.#start(template, isReusable)
  }

  /** Ends the start, or the sandbox if it is ready. Resolves when nothing is left. Never rejects. */
  async abort(): Promise<void> {
    await this.#sandbox?.kill()
  }

  async #start({ options, resolved }: ResolvedTemplate, isReusable: boolean): Promise<PooledSandbox> {
    const sandbox = new ContainerSandbox(options)
    this.#sandbox = sandbox
    await sandbox.start()
    if (!isReusable) return new PooledSandbox(sandbox, null)
    try {
      return new PooledSandbox(sandbox, await readBaseline(sandbox, resolved.writable))
    } catch (error) {
      await sandbox.kill()
      throw error
    }
  }
}
