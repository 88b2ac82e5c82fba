import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'

/** Where the workspace is in every sandbox of a build. */
export const WORKSPACE_TARGET = '/workspace'

/** What goes into `mounts` of the sandbox. */
export interface WorkspaceMount {
  readonly source: string
  readonly target: typeof WORKSPACE_TARGET
  readonly writable: true
}

/** What a workspace holds. */
export interface WorkspaceUsage {
  readonly bytes: number
  readonly inodes: number
}

/** The workspace of one build. Whoever opened it closes it, after the sandbox is gone. */
export interface Workspace extends AsyncDisposable {
  readonly backing: 'memory' | 'disk'
  /** `null` for memory: the sandbox has a tmpfs of its own there. */
  readonly mount: WorkspaceMount | null
  /**
   * Gives it to the mapped uid of the sandbox, which is known when the sandbox is there; nobody else can open it.
   * @throws {WorkspaceError}
   */
  own(uid: number, gid: number): Promise<void>
  /**
   * Makes sure that the sandbox has this file system as its workspace, and not the empty folder below it: an engine in another
   * mount namespace would give it that. Call it after `own` and before anything of the guest runs.
   * @throws {WorkspaceError} when it has not
   */
  assertMounted(sandbox: ContainerSandbox): Promise<void>
  /** What is in it; `null` for memory, where the sandbox' own usage has it. */
  usage(): Promise<WorkspaceUsage | null>
  /** Ends it with all it holds. Idempotent. @throws {WorkspaceError} when the host does not let go of it */
  close(): Promise<void>
}

const nothing = (): Promise<void> => Promise.resolve()

/** A workspace that is a tmpfs of the sandbox: there is nothing to make, and it ends with the sandbox. */
export const MEMORY_WORKSPACE: Workspace = Object.freeze({
  backing: 'memory',
  mount: null,
  own: nothing,
  assertMounted: nothing,
  usage: () => Promise.resolve(null),
  close: nothing,
  [Symbol.asyncDispose]: nothing,
})
