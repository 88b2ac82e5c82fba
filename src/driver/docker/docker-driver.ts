/** The driver for engines with Docker's API: Docker Engine 20.10 or newer, Podman's compatible socket. */
import { homedir } from 'node:os'
import { InvalidOptionsError } from '../../errors.js'
import { type DriverOptions, type ParsedDriverOptions, parseDriverOptions } from '../../options/driver-options.js'
import type { ContainerSpec } from '../../policy/container-spec.js'
import type {
  ContainerHandle,
  ContainerSummary,
  CreatedContainer,
  EngineInfo,
  ImageStore,
  PruneReport,
  SandboxDriver,
} from '../driver.js'
import { detached } from '../../telemetry/index.js'
import { ownerRegister } from '../host-identity.js'
import { discoverEndpoint } from './endpoint.js'
import { DockerodeClient, type EngineClient } from './engine-client.js'
import { readEngineInfo } from './engine-info.js'
import { DockerImages } from './images.js'
import { createAttached, launchContainer, type LaunchContext } from './launch.js'
import { removeContainer } from './removal.js'
import { isOurContainer, listContainers, sweep } from './sweep.js'

/** The sweep starts this long after the first launch, so that it competes with none of the first requests. */
const SWEEP_DELAY_MS = 2_000

/** {@link SandboxDriver} on dockerode. Nothing is asked of the engine before the first call. */
export class DockerDriver implements SandboxDriver {
  readonly images: ImageStore
  readonly #client: EngineClient
  readonly #options: ParsedDriverOptions
  readonly #closing = new AbortController()
  #isSweepDue: boolean

  /**
   * @param options see {@link DriverOptions}
   * @param client for tests: what speaks to the engine instead of dockerode
   * @throws {InvalidOptionsError}
   */
  constructor(options: DriverOptions = {}, client?: EngineClient) {
    this.#options = parseDriverOptions(options)
    this.#isSweepDue = this.#options.sweep
    this.#client = client ?? createEngineClient(this.#options)
    this.images = new DockerImages(this.#client, this.#options.buildTimeoutMs)
  }

  info(signal?: AbortSignal): Promise<EngineInfo> {
    return readEngineInfo(this.#client, signal)
  }

  async launch(spec: ContainerSpec, signal?: AbortSignal): Promise<ContainerHandle> {
    const handle = await launchContainer(spec, this.#launchContext(signal))
    this.#sweepOnce()
    return handle
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<CreatedContainer> {
    const created = await createAttached(spec, this.#launchContext(signal))
    this.#sweepOnce()
    return created
  }

  list(signal?: AbortSignal): Promise<readonly ContainerSummary[]> {
    return listContainers(this.#client, signal)
  }

  /** @throws {InvalidOptionsError} when that container is not this package's */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    const known = await listContainers(this.#client, signal)
    const container = known.find((candidate) => candidate.id === id || candidate.name === id)
    if (container !== undefined && isOurContainer(container)) {
      await removeContainer(this.#client, container.id, { signal })
      return
    }
    throw new InvalidOptionsError(`No container of this package has the id '${id.slice(0, 100)}'.`)
  }

  /** `all` removes unused images of any age. Containers of a living owner are never removed. */
  prune(
    options: { readonly images?: boolean; readonly all?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<PruneReport> {
    return sweep(this.#client, ownerRegister(), {
      images: options.images ?? false,
      imageAgeMs: options.all === true ? 0 : this.#options.imageAgeMs,
      signal: options.signal,
    })
  }

  /** Ends background work and drops every connection. Containers that were launched go on; their handles lose them. */
  close(): Promise<void> {
    this.#closing.abort()
    this.#client.close()
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #launchContext(signal: AbortSignal | undefined): LaunchContext {
    return {
      client: this.#client,
      timeouts: { createMs: this.#options.createTimeoutMs, startMs: this.#options.startTimeoutMs },
      signal,
      inBackground: (work) => void work.catch(this.#report),
    }
  }

  #sweepOnce(): void {
    if (!this.#isSweepDue) return
    this.#isSweepDue = false
    const { signal } = this.#closing
    const options = { images: false, imageAgeMs: 0, signal }
    const run = (): void => {
      if (!signal.aborted) detached(() => sweep(this.#client, ownerRegister(), options)).catch(this.#report)
    }
    setTimeout(run, SWEEP_DELAY_MS).unref()
  }

  readonly #report = (error: unknown): void => {
    if (this.#closing.signal.aborted) return
    try {
      this.#options.onDiagnostic?.(error)
    } catch {
      // Nobody waits for this work who could be told.
    }
  }
}

function createEngineClient({ host, certPath, context, requestTimeoutMs }: ParsedDriverOptions): EngineClient {
  const surroundings = {
    env: process.env,
    home: homedir(),
    uid: process.getuid?.() ?? 0,
    systemSocket: '/var/run/docker.sock',
  }
  return new DockerodeClient(() => discoverEndpoint({ host, certPath, context }, surroundings), requestTimeoutMs)
}
