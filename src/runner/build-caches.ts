/** The caches of one build: restored before its steps, saved after them. */
import type { ResolvedBuildCache } from '../options/index.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'
import { printable } from '../printable.js'
import type { CacheResult } from './build-events.js'
import type { BuildJob } from './build-job.js'
import type { CacheStore } from './caches/index.js'
import type { BuildLog } from './log/index.js'
import { WORKSPACE } from './run-step.js'
import { sandboxEnd } from './sandbox-end.js'

interface Found {
  readonly cache: ResolvedBuildCache
  readonly digest: string
  readonly result: CacheResult
}

/** What a build restored, and what of it there is to save. */
export class BuildCaches {
  readonly #job: BuildJob
  readonly #log: BuildLog
  readonly #store: CacheStore
  readonly #sandbox: ContainerSandbox
  #found: Found[] = []

  constructor(job: BuildJob, log: BuildLog, store: CacheStore, sandbox: ContainerSandbox) {
    this.#job = job
    this.#log = log
    this.#store = store
    this.#sandbox = sandbox
  }

  /** One result for each cache of the build that was looked for. */
  get results(): readonly CacheResult[] {
    return this.#found.map(({ result }) => result)
  }

  /** Restores every cache. One that cannot be had is none; a sandbox that ends meanwhile is an error. */
  async restore(signal: AbortSignal): Promise<void> {
    for (const cache of this.#job.options.caches) {
      const digest = await this.#store.digest(this.#sandbox, WORKSPACE, cache.files, signal)
      const found = await this.#store.restore(this.#sandbox, { ...this.#where(cache), digest, signal })
      const { restored, bytes } = found
      const reason = this.#masked(found.reason)
      const result = { key: cache.key, restored, restoredBytes: bytes, saved: false, savedBytes: 0, reason }
      this.#found.push({ cache, digest, result })
      const action = restored === 'none' ? 'missed' : 'restored'
      await this.#log.append({ type: 'cache', key: cache.key, action, detail: reason ?? restored, bytes })
    }
  }

  /**
   * Saves every cache that was not there for these very contents. What cannot be saved fails nothing, not even when the sandbox
   * ends meanwhile: the build has done all that it should.
   * @throws when the build is canceled, or when the sandbox ends for a jailbreak
   */
  async save(signal: AbortSignal): Promise<void> {
    for (const found of this.#found) {
      if (found.result.restored === 'exact') continue
      const { cache, digest } = found
      const request = { ...this.#where(cache), digest, signal }
      const {
        saved,
        bytes,
        reason: told,
      } = await this.#store.save(this.#sandbox, request).catch((error: unknown) => {
        if (this.#job.canceled.aborted || sandboxEnd(error)?.reason === 'jailbreak') throw error
        return {
          saved: false,
          bytes: 0,
          reason: printable(error instanceof Error ? error.message : String(error), 500),
        }
      })
      const reason = this.#masked(told)
      this.#found = this.#found.map((other) =>
        other === found ? { ...other, result: { ...other.result, saved, savedBytes: bytes, reason } } : other,
      )
      const action = saved ? 'saved' : 'skipped'
      await this.#log.append({ type: 'cache', key: cache.key, action, detail: reason ?? '', bytes })
    }
  }

  /** It can name files of the guest, and a file can be named after a secret. */
  #masked(reason: string | null): string | null {
    return reason === null ? null : this.#job.masker.text(reason)
  }

  #where(cache: ResolvedBuildCache) {
    return { tenant: this.#job.options.tenant, cache, workspace: WORKSPACE }
  }
}
