/** Where the sandbox of a build comes from: a warm one of the pool where the build asks for nothing else, or its own. */
import { isDeepStrictEqual } from 'node:util'
import { WorkspaceError } from '../errors.js'
import {
  DEFAULT_BUILD_TIMEOUT_MS,
  MAX_TIMER_MS,
  type ResolvedBuildOptions,
  type ResolvedBuildWorkspace,
  type ResolvedRunnerOptions,
  type SandboxOptions,
} from '../options/index.js'
import type { ResolvedLimits } from '../options/limits.js'
import type { SandboxPool } from '../pool/index.js'
import { ContainerSandbox } from '../sandbox/container-sandbox.js'
import { PREPARE_MS, SAVE_MS } from './phase-limits.js'
import { WORKSPACE } from './run-step.js'
import { SECRETS_FOLDER, SECRETS_FOLDER_BYTES } from './secrets/index.js'
import type { Workspace, WorkspaceStore } from './workspaces/index.js'

/** What a sandbox may live beside the steps: while the source and caches are placed, and while artifacts and caches are saved. */
const OVERHEAD_MS = PREPARE_MS + SAVE_MS

/** How long a sandbox of the pool waits for a build before a fresh one takes its place. */
const POOL_IDLE_MS = 10 * 60_000

/** The most that a job of the queue can cost. */
const MAX_COST = 1_000_000

/** The template of the pool that builds with the runner's defaults take. */
const TEMPLATE = 'default'

/** A sandbox that a build has for itself. */
export interface BuildSandbox {
  readonly sandbox: ContainerSandbox
  /** `true` when it was ready before it was asked for. */
  readonly warm: boolean
  readonly backing: 'memory' | 'disk'
  /** Gives everything back; then nothing of it is left. @param reusable `false` when what ran in it may have harmed it */
  release(reusable: boolean): Promise<void>
}

/** What is the same for all builds of a runner. */
export interface SandboxSources {
  readonly options: ResolvedRunnerOptions
  readonly pool: SandboxPool | null
  readonly workspaces: WorkspaceStore
}

/** The sandbox options of the pool's template. */
export function poolTemplate(options: ResolvedRunnerOptions): {
  name: string
  sandbox: SandboxOptions
  maxIdleMs: number
} {
  const { limits } = options
  // The pool hands out none that has lived half of its lifetime.
  const lifetimeMs = 2 * (DEFAULT_BUILD_TIMEOUT_MS + OVERHEAD_MS)
  const { sizeBytes } = resolveWorkspace(options.workspace, limits)
  const sandbox = sandboxOptions(options, options.base, { ...limits, lifetimeMs }, sizeBytes)
  return { name: TEMPLATE, sandbox, maxIdleMs: POOL_IDLE_MS }
}

/** Size and kind of a workspace, where `null` and `'auto'` are decided. */
export function resolveWorkspace(
  workspace: ResolvedBuildWorkspace,
  limits: ResolvedLimits,
): { readonly sizeBytes: number; readonly backing: 'memory' | 'disk' } {
  const half = Math.floor(limits.memoryBytes / 2)
  const sizeBytes = workspace.sizeBytes ?? half
  const backing = workspace.backing === 'auto' ? (sizeBytes <= half ? 'memory' : 'disk') : workspace.backing
  return { sizeBytes, backing }
}

/** What a build uses up of the runner's memory budget. */
export function memoryOf(build: ResolvedBuildOptions, options: ResolvedRunnerOptions): number {
  return (build.limits ?? options.limits).memoryBytes
}

/**
 * What a build counts against its tenant's share. A tenant whose builds take the memory of many gets fewer of them: else others
 * would wait for room with every second turn.
 */
export function costOf(build: ResolvedBuildOptions, options: ResolvedRunnerOptions): number {
  const times = memoryOf(build, options) / options.limits.memoryBytes
  return Math.min(MAX_COST, build.cost * Math.max(1, times))
}

/**
 * Gets a sandbox for a build.
 * @throws errors of the pool, of `ContainerSandbox.create` and {@link WorkspaceError}
 */
export async function openBuildSandbox(
  id: string,
  build: ResolvedBuildOptions,
  { options, pool, workspaces }: SandboxSources,
  signal: AbortSignal,
): Promise<BuildSandbox> {
  const limits = build.limits ?? options.limits
  const { sizeBytes, backing } = resolveWorkspace(build.workspace ?? options.workspace, limits)
  if (pool !== null && fitsPool(build, options)) {
    const lease = await pool.acquire({ template: TEMPLATE, affinity: build.tenant, signal })
    const { sandbox, warm } = lease
    return { sandbox, warm, backing, release: (reusable) => lease.release({ reuse: reusable }) }
  }
  const lifetimeMs = Math.min(MAX_TIMER_MS, Math.max(limits.lifetimeMs, build.timeoutMs + OVERHEAD_MS))
  const own = sandboxOptions(options, build.base ?? options.base, { ...limits, lifetimeMs }, sizeBytes)
  const rest = { trace: build.trace ?? false, labels: build.labels } as SandboxOptions
  if (backing === 'memory') {
    const sandbox = await createSandbox({ ...own, ...rest }, signal)
    return { sandbox, warm: false, backing, release: () => sandbox.kill() }
  }
  const workspace = await workspaces.open({ id, sizeBytes, backing }, signal)
  try {
    return await onDisk(workspace, { ...own, ...rest }, signal)
  } catch (error) {
    await workspace.close()
    throw error
  }
}

async function onDisk(
  workspace: Workspace,
  { scratch, ...options }: SandboxOptions,
  signal: AbortSignal,
): Promise<BuildSandbox> {
  const { mount } = workspace
  if (mount === null) throw new WorkspaceError('a workspace on disk has no mount')
  const { [WORKSPACE]: _, ...others } = scratch ?? {}
  const sandbox = await createSandbox({ ...options, scratch: others, mounts: [mount] }, signal)
  const release = async (): Promise<void> => {
    await sandbox.kill()
    await workspace.close()
  }
  try {
    const { user } = sandbox
    if (user !== null) await workspace.own(user.uid, user.gid)
    await workspace.assertMounted(sandbox)
    return { sandbox, warm: false, backing: 'disk', release }
  } catch (error) {
    await sandbox.kill()
    throw error
  }
}

/** The signal of `create` ends the sandbox later too; here it only ends the start, since a step is stopped more gently. */
async function createSandbox(options: SandboxOptions, signal: AbortSignal): Promise<ContainerSandbox> {
  const start = new AbortController()
  const onAbort = (): void => start.abort(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await ContainerSandbox.create({ ...options, signal: start.signal })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function fitsPool(build: ResolvedBuildOptions, options: ResolvedRunnerOptions): boolean {
  return (
    (build.base === null || build.base === options.base) &&
    (build.limits === null || isDeepStrictEqual(build.limits, options.limits)) &&
    build.workspace === null &&
    build.trace === null &&
    build.timeoutMs <= DEFAULT_BUILD_TIMEOUT_MS &&
    Object.keys(build.labels).length === 0 &&
    resolveWorkspace(options.workspace, options.limits).backing === 'memory'
  )
}

/**
 * Everything writable is in memory, and all of it together fits into it: half for the workspace, at most a quarter for `/tmp`, an
 * eighth for `/dev/shm`, a sixteenth for secrets.
 */
function sandboxOptions(
  options: ResolvedRunnerOptions,
  base: string,
  limits: ResolvedLimits,
  workspaceBytes: number,
): SandboxOptions {
  const { memoryBytes } = limits
  const part = (share: number, most: number): number => Math.min(most, Math.floor(memoryBytes / share / 4096) * 4096)
  const { network, runtime, users, driver } = options
  const scratch = {
    [WORKSPACE]: workspaceBytes,
    [SECRETS_FOLDER]: part(16, SECRETS_FOLDER_BYTES),
    '/tmp': part(4, limits.scratchBytes),
  }
  const shmBytes = part(8, limits.shmBytes)
  return { base, limits: { ...limits, shmBytes }, scratch, network, runtime, users, driver }
}
