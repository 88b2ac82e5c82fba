/** An engine beside the machine's own, of another make or version: see `scripts/engine`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DockerDriver } from '../../src/driver/docker/index.js'

export type EngineKind = 'docker' | 'containerd' | 'podman'

/** The first start on a machine makes the folder with the engines, from packages. */
export const FIRST_START_TIMEOUT_MS = 300_000

const STOP_TIMEOUT_MS = 15_000

export class FurtherEngine {
  /** The engine sees this folder under the same path, so that what lies in it can be mounted. */
  readonly folder: string
  readonly driver: DockerDriver
  readonly #daemon: ChildProcess

  private constructor(folder: string, daemon: ChildProcess) {
    this.folder = folder
    this.driver = new DockerDriver({ host: `unix://${folder}/engine.sock`, sweep: false })
    this.#daemon = daemon
  }

  static async start(kind: EngineKind): Promise<FurtherEngine> {
    const folder = await mkdtemp(join(tmpdir(), 'further-engine-'))
    const log = openSync(join(folder, 'log'), 'a')
    const script = join(import.meta.dirname, '../../scripts/engine')
    const engine = new FurtherEngine(folder, spawn(script, [kind, folder], { stdio: ['ignore', log, log] }))
    closeSync(log)
    try {
      await engine.#answers()
      return engine
    } catch (error) {
      await engine[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The script becomes the daemon, so that its pid is the daemon's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver.close()
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      const exit = once(this.#daemon, 'exit')
      this.#daemon.kill('SIGTERM')
      await Promise.race([exit, delay(STOP_TIMEOUT_MS).then(() => this.#daemon.kill('SIGKILL'))])
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + FIRST_START_TIMEOUT_MS
    for (;;) {
      if (this.#daemon.exitCode !== null)
        throw new Error(`The engine did not start:\n${readFileSync(join(this.folder, 'log'), 'utf8').slice(-2_000)}`)
      try {
        await this.driver.info()
        return
      } catch (error) {
        if (Date.now() > deadline) throw error
        await delay(100)
      }
    }
  }
}
