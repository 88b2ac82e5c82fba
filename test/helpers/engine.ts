/** An engine of a test's own, which the test may stop, kill and restart: a `dockerd` with its own socket and folders. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DockerDriver } from '../../src/driver/docker/index.js'

export interface EngineSettings {
  /** Containers go on while the engine is down. Default `false`. */
  readonly liveRestore?: boolean
  /** Further arguments, for example `--host tcp://127.0.0.1:2376`. */
  readonly args?: readonly string[]
}

const START_TIMEOUT_MS = 60_000

export class PrivateEngine {
  readonly folder: string
  readonly socketPath: string
  readonly #settings: EngineSettings
  #daemon: ChildProcess | null = null

  private constructor(folder: string, settings: EngineSettings) {
    this.folder = folder
    this.socketPath = join(folder, 'docker.sock')
    this.#settings = settings
  }

  static async start(settings: EngineSettings = {}): Promise<PrivateEngine> {
    const engine = new PrivateEngine(await mkdtemp(join(tmpdir(), 'engine-')), settings)
    await engine.start()
    return engine
  }

  get host(): string {
    return `unix://${this.socketPath}`
  }

  /** What the daemon has written so far. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8')
  }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a')
    const folders = ['--data-root', 'data', '--exec-root', 'exec', '--pidfile', 'docker.pid'].map((text, index) =>
      index % 2 === 0 ? text : join(this.folder, text),
    )
    const restore = this.#settings.liveRestore === true ? ['--live-restore'] : []
    const args = ['--host', this.host, ...folders, '--bridge=none', '--iptables=false', '--ip6tables=false', ...restore]
    this.#daemon = spawn('dockerd', [...args, ...(this.#settings.args ?? [])], { stdio: ['ignore', log, log] })
    closeSync(log)
    await this.#answers()
  }

  /** Makes it deaf: it accepts connections and answers nothing. */
  pause(): void {
    this.#daemon?.kill('SIGSTOP')
    const pid = this.#daemon?.pid
    if (pid === undefined) return
    // A thread that runs stops at its next look at its signals, and may answer before.
    const isStopped = () => {
      try {
        return readdirSync(`/proc/${pid}/task`).every((tid) =>
          /^State:\tT/m.test(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')),
        )
      } catch {
        return false // a thread has ended in between
      }
    }
    while (!isStopped()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }

  resume(): void {
    this.#daemon?.kill('SIGCONT')
  }

  /** Ends the daemon without a chance to clean up; containers and their shims stay. */
  async kill(): Promise<void> {
    if (!(await this.#end('SIGKILL'))) return
    await this.#endContainerd()
    // The pid file of a killed daemon keeps the next one from starting when the pid was given away in the meantime.
    await rm(join(this.folder, 'docker.pid'), { force: true })
  }

  /** Ends the daemon as a service manager does; it ends its containers before. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** @returns whether there was a daemon to end */
  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
    const daemon = this.#daemon
    this.#daemon = null
    if (daemon === null || daemon.exitCode !== null) return false
    const exit = once(daemon, 'exit')
    daemon.kill(signal)
    daemon.kill('SIGCONT')
    await exit
    return true
  }

  /** Ends the daemon, its containers and its containerd, and deletes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    // The shims name this engine's folder on their command line; so do no other processes.
    for (const shim of processesNaming(join(this.folder, 'exec'))) tryKill(shim)
    await delay(300)
    spawnSync('sh', ['-c', `grep -o '${this.folder}[^ ]*' /proc/mounts | sort -r | xargs -r -n1 umount -l`])
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  /** containerd goes down after its daemon; the next daemon must not find it dying. */
  async #endContainerd(): Promise<void> {
    const pidFile = join(this.folder, 'exec/containerd/containerd.pid')
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'))
    if (pid > 0) tryKill(pid)
    for (let wait = 0; wait < 50 && existsSync(`/proc/${pid}/exe`); wait += 1) await delay(50)
    await rm(pidFile, { force: true })
  }

  async #answers(): Promise<void> {
    const driver = new DockerDriver({ host: this.host, requestTimeoutMs: 5_000 })
    const deadline = Date.now() + START_TIMEOUT_MS
    try {
      for (;;) {
        if (this.#daemon?.exitCode != null) throw new Error(`dockerd ended:\n${this.log.slice(-2_000)}`)
        try {
          await driver.info()
          return
        } catch (error) {
          if (Date.now() > deadline) throw error
          await delay(100)
        }
      }
    } finally {
      await driver.close()
    }
  }
}

function processesNaming(text: string): number[] {
  const { stdout } = spawnSync('pgrep', ['-f', '--', `containerd-shim.*${text}`], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}
