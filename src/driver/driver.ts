/**
 * The seam between the package and whatever runs containers.
 *
 * Nothing in here is a Docker type: a driver that starts an OCI runtime directly can stand behind the same interface.
 */
import type { Readable, Writable } from 'node:stream'
import type { ContainerSpec } from '../policy/container-spec.js'
import type { Mismatch, Observation } from '../policy/observation.js'

/** What an engine says about limits and storage. `null` where it does not tell. */
export interface EngineFacilities {
  /** Limits that the engine or its kernel cannot enforce, of `memory`, `swap`, `cpu` and `pids`. */
  readonly missingLimits: readonly string[]
  /** `true` when containers go on while the engine restarts. */
  readonly liveRestore: boolean | null
  /** The file system below the storage driver, for example `extfs` or `xfs`. */
  readonly backingFilesystem: string | null
  /** Where the engine keeps its data, a path on the engine's machine. */
  readonly rootDirectory: string | null
}

/** What an engine says about itself. */
export interface EngineInfo {
  /** Whose engine it is. Absent: Docker's. */
  readonly product?: 'docker' | 'podman'
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  readonly operatingSystem: string
  readonly kernelVersion: string
  readonly architecture: string
  readonly cgroupVersion: 1 | 2
  readonly storageDriver: string
  readonly runtimes: readonly string[]
  readonly defaultRuntime: string
  readonly securityOptions: readonly string[]
  readonly cpuCount: number
  readonly memoryBytes: number
  /** `true` when the engine runs on this machine, so that its processes can be read in `/proc`. */
  readonly local: boolean
  /** Its socket and its data folder, as far as it tells: on its own machine whoever has one of them controls that machine. Absent: not known. */
  readonly ownPaths?: readonly string[]
  /** Absent when the driver has no way to ask. */
  readonly facilities?: EngineFacilities
}

/** How a container ended. Never a guess from a closed stream: the engine or the kernel said so. */
export interface ContainerExit {
  readonly exitCode: number | null
  /** A name such as `SIGKILL` when a signal ended the first process. */
  readonly signal: NodeJS.Signals | null
  /** The kernel killed at least one process of this container for memory. */
  readonly oomKilled: boolean
  /** `exited`: the engine reported the end. `lost`: the engine is gone or no longer knows the container. */
  readonly cause: 'exited' | 'lost'
}

/** Memory, CPU and processes of a container as the engine reports them. */
export interface ContainerUsage {
  readonly memoryBytes: number
  readonly memoryLimitBytes: number
  readonly memoryPeakBytes: number | null
  readonly cpuMs: number
  readonly pids: number
}

/** One running container with its attached stdio. Whoever holds it must call `destroy`. */
export interface ContainerHandle {
  readonly id: string
  readonly name: string
  /** To the first process' stdin. `end()` closes that stdin. */
  readonly input: Writable
  /**
   * The first process' stdout, byte for byte, with backpressure up to the engine. Read it: an engine may not report the end
   * of a container whose output nobody takes. `destroy` does not depend on that.
   */
  readonly output: Readable
  readonly errorOutput: Readable
  /** Settles once, with how the container ended. Never rejects. */
  readonly exited: Promise<ContainerExit>
  /** Reads back what is in force, from the engine and, where it is local, from the kernel. */
  observe(signal?: AbortSignal): Promise<Observation>
  usage(signal?: AbortSignal): Promise<ContainerUsage>
  /** Kills by force and removes. Idempotent. Resolves when the engine no longer has the container. */
  destroy(): Promise<void>
}

/** A container that was made and attached to, and was not started. Whoever holds it must call `start` or `discard`. */
export interface CreatedContainer {
  readonly id: string
  /**
   * Starts it; once. On any failure, and when the signal of its creation aborts, nothing is left behind.
   * @throws {EngineUnavailableError} {@link EngineRequestError}
   */
  start(): Promise<ContainerHandle>
  /** Removes it unstarted. Never rejects. */
  discard(): Promise<void>
}

/** A container of this package that an engine has, living or dead. */
export interface ContainerSummary {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  readonly createdAt: Date
}

/** What a driver must know to build an image: a build context and where the result goes. */
export interface ImageBuild {
  /** A tar stream with a `Dockerfile` at its root. */
  readonly context: Readable
  readonly tag: string
  readonly labels: Readonly<Record<string, string>>
}

/** The parts of an image that matter to a sandbox. */
export interface ImageFacts {
  /** The content id, `sha256:…`. */
  readonly id: string
  readonly tags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
  readonly onBuild: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly architecture: string
  readonly sizeBytes: number
  /** The diff ids of the layers, lowest first. */
  readonly layers: readonly string[]
}

/** What lies at a path of an image. */
export interface ImagePath {
  readonly type: 'file' | 'directory' | 'symlink' | 'other'
  /** Where a symlink leads in the end: an absolute path inside the image. */
  readonly link: string | null
}

/** Images as a driver keeps them. */
export interface ImageStore {
  /** @returns `null` when there is no such image. */
  inspect(reference: string, signal?: AbortSignal): Promise<ImageFacts | null>
  build(build: ImageBuild, signal?: AbortSignal): Promise<ImageFacts>
  /** Feeds an archive in the form of `docker save`. @returns the tags or ids that the engine reported. */
  load(archive: Readable, signal?: AbortSignal): Promise<readonly string[]>
  list(labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<readonly ImageFacts[]>
  remove(reference: string, signal?: AbortSignal): Promise<void>
  /** Looks at absolute paths of an image without running it. Paths that are not there are missing in the result. */
  statPaths?(reference: string, paths: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, ImagePath>>
}

/** What `prune` removed. */
export interface PruneReport {
  readonly containers: readonly string[]
  readonly images: readonly string[]
  readonly reclaimedBytes: number
}

/** What starts containers and keeps images: the seam between the package and any one engine. Free of an engine's own types. */
export interface SandboxDriver {
  readonly images: ImageStore
  /** @throws {EngineUnavailableError} when no engine answers within the request's deadline. */
  info(signal?: AbortSignal): Promise<EngineInfo>
  /**
   * Creates, attaches and starts one container. On any failure, and when `signal` aborts, nothing is left behind.
   * @throws {EngineUnavailableError} {@link EngineRequestError}
   */
  launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle>
  /**
   * The first half of {@link launch}, for two containers that are started one after the other and can be made at once.
   * @throws as `launch` does
   */
  create(spec: ContainerSpec, signal?: AbortSignal): Promise<CreatedContainer>
  /** Every container that carries this package's labels. */
  list(signal?: AbortSignal): Promise<readonly ContainerSummary[]>
  /** Removes one container by id; only if it carries this package's labels. */
  remove(id: string, signal?: AbortSignal): Promise<void>
  /** Removes containers whose owner is dead or whose deadline has passed, and (`images: true`) unused user images. */
  prune(options?: {
    readonly images?: boolean
    readonly all?: boolean
    readonly signal?: AbortSignal
  }): Promise<PruneReport>
  close(): Promise<void>
}

export type { Mismatch, Observation }
