/** What a runner is made of: its folder, its pool, its queue, its stores, after what a dead one left has been ended. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerDriver } from '../driver/docker/docker-driver.js'
import { HostFileError, SandboxError } from '../errors.js'
import type { ResolvedRunnerOptions } from '../options/index.js'
import { SandboxPool } from '../pool/index.js'
import { TenantQueue } from '../queue/index.js'
import { MetricsEndpoint } from '../sandbox/metrics-endpoint.js'
import { guardLogger, logRecord, noLogger, type Logger } from '../telemetry/index.js'
import { defaultStateFolder, openStateFolder } from '../users/state-folder.js'
import { poolTemplate } from './build-sandbox.js'
import { CacheStore } from './caches/index.js'
import { EndedBuilds } from './ended-builds.js'
import type { RunServices } from './prepare-build.js'
import { recoverBuilds } from './recovery.js'
import { takeStateFolder } from './runner-lock.js'
import { WorkspaceStore } from './workspaces/index.js'

/** What a runner is made of, once its folder is its own. */
export interface RunnerParts {
  readonly options: ResolvedRunnerOptions
  readonly services: RunServices
  readonly queue: TenantQueue
  readonly ended: EndedBuilds
  readonly buildsDir: string
  /** Builds that an earlier runner left unfinished. */
  readonly lost: readonly string[]
  /** Where the numbers of this process are served; `null` when they are not. */
  readonly metricsUrl: string | null
  /** Gives the folder back, and ends what was made for this runner. */
  readonly close: () => Promise<void>
}

/**
 * Opens what a runner needs. On any failure nothing stays open.
 * @throws as `BuildRunner.open` does
 */
export async function openParts(options: ResolvedRunnerOptions): Promise<RunnerParts> {
  const folder = options.stateDir ?? join(defaultStateFolder(), 'runner')
  await openStateFolder(folder, 'stateDir')
  const release = await takeStateFolder(folder).catch((error: unknown) => {
    throw typed(error, folder)
  })
  const driver = options.driver ?? new DockerDriver()
  // What is to be closed, the last first.
  const closers = [release]
  if (options.driver === null) closers.push(() => driver.close())
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne()
  }
  try {
    const [buildsDir, cachesDir, workspacesDir, scratchDir] = await makeFolders(folder)
    await rm(scratchDir, { recursive: true, force: true })
    await mkdir(scratchDir, { mode: 0o700 })
    const logger = guardLogger(options.logger ?? noLogger)
    const { ended, lost } = await recoverBuilds(buildsDir, driver, options.logBytes)
    for (const buildId of lost) logger.warn(logRecord({ buildId }), 'build lost: its runner ended')
    const workspaces = new WorkspaceStore(workspacesDir)
    await workspaces.sweep()
    const caches = new CacheStore(cachesDir, options.cacheStore)
    await caches.sweep()
    const kept = new EndedBuilds(buildsDir, options, logger, ended)
    await kept.trim()
    const endpoint = options.metrics === null ? null : await MetricsEndpoint.open(options.metrics)
    if (endpoint !== null) closers.push(() => endpoint.close())
    const withDriver = { ...options, driver }
    const queue = openQueue(options)
    const pool = openPool(withDriver, logger)
    if (pool !== null) closers.push(() => pool.close())
    const services = { options: withDriver, logger, pool, workspaces, caches, scratchDir }
    const metricsUrl = endpoint?.url ?? null
    return { options, services, queue, ended: kept, buildsDir, lost, metricsUrl, close }
  } catch (error) {
    await close()
    throw typed(error, folder)
  }
}

function typed(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof SandboxError || code === undefined) return error
  return new HostFileError(code, 'cannot use the state folder', folder, { cause: error })
}

async function makeFolders(folder: string): Promise<[string, string, string, string]> {
  const path = (name: string): string => join(folder, name)
  const folders: [string, string, string, string] = [path('builds'), path('caches'), path('workspaces'), path('tmp')]
  for (const each of folders) await mkdir(each, { recursive: true, mode: 0o700 })
  return folders
}

function openPool(options: ResolvedRunnerOptions, logger: Logger): SandboxPool | null {
  const { idle, uses } = options.pool
  // Every build that runs may need one at once.
  const maxStarts = Math.min(64, Math.max(2, options.concurrency))
  if (idle === 0 && uses === 1) return null
  const { name, sandbox, maxIdleMs } = poolTemplate(options)
  const onDiagnostic = (err: unknown): void => {
    logger.warn(logRecord({ err: err as Error }), 'a warm sandbox could not be started or cleared')
  }
  return new SandboxPool({ templates: { [name]: sandbox }, idle, maxStarts, maxUses: uses, maxIdleMs, onDiagnostic })
}

function openQueue(options: ResolvedRunnerOptions): TenantQueue {
  const { concurrency, memoryBytes: capacity, tenants, queue } = options
  return new TenantQueue({ concurrency, capacity, tenants, ...queue })
}
