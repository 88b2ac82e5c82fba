/**
 * Runs probes in containers that the real driver starts from the real spec, and in the same containers with one
 * protection taken away from the engine's request: the attack must fail in the first and succeed in the second.
 */
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { discoverEndpoint } from '../../src/driver/docker/endpoint.js'
import { DockerDriver } from '../../src/driver/docker/docker-driver.js'
import { DockerodeClient, type EngineClient, type EngineRequest } from '../../src/driver/docker/engine-client.js'
import type { ContainerExit, ContainerHandle } from '../../src/driver/driver.js'
import { buildContainerSpec, type PolicyContext, type PolicyOptions } from '../../src/policy/build-container-spec.js'
import type { ContainerSpec } from '../../src/policy/container-spec.js'
import { targetSeccompProfile } from '../../src/policy/seccomp.js'
import { hostileImage } from './hostile-image.js'
import { compileProbe } from './probe-program.js'

export const MIB = 1024 * 1024
export const UID = 231_001
export const GID = 231_002

/** The engine's create request, as far as tests change it. */
export interface RequestBody {
  User: string
  Env: string[]
  HostConfig: Record<string, unknown> & {
    CapAdd: string[]
    CapDrop: string[]
    SecurityOpt: string[]
    Tmpfs: Record<string, string>
    Mounts: unknown[]
    Ulimits: { Name: string; Soft: number; Hard: number }[]
  }
}
export type Weaken = (body: RequestBody) => void

export interface ProbeResult {
  readonly output: string
  readonly lines: readonly string[]
  readonly errors: string
  readonly exit: ContainerExit
}

/** Enough to reach the kernel behind every probe; not all, since a nested engine may lack some itself. */
const CAPABILITIES = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'DAC_READ_SEARCH',
    'FOWNER',
    'KILL',
    'MKNOD',
    'NET_ADMIN',
    'NET_RAW',
    'SETGID',
    'SETUID',
  ],
  ...[
    'SYSLOG',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_CHROOT',
    'SYS_MODULE',
    'SYS_NICE',
    'SYS_PACCT',
    'SYS_PTRACE',
    'SYS_RAWIO',
    'SYS_TIME',
  ],
]

/** Root with capabilities and without a filter, in namespaces of its own: what is left is the kernel's answer. */
export const unprotected: Weaken = (body) => {
  body.User = '0:0'
  body.HostConfig.CapAdd = CAPABILITIES
  body.HostConfig.CapDrop = []
  body.HostConfig.SecurityOpt = ['seccomp=unconfined']
  body.HostConfig.ReadonlyRootfs = false
}

export class ProbeLab implements AsyncDisposable {
  readonly #image: string
  readonly #tag: string
  readonly #docker: Docker

  private constructor(docker: Docker, tag: string, image: string) {
    this.#docker = docker
    this.#tag = tag
    this.#image = image
  }

  static async open(): Promise<ProbeLab> {
    const docker = new Docker({ socketPath: await socketPath() })
    const { binary, hash } = await compileProbe()
    const tag = `${hash}-${process.pid}`
    const archive = Readable.from([await hostileImage(binary)])
    await text(await docker.importImage(archive, { repo: REPOSITORY, tag }))
    const { Id } = await docker.getImage(`${REPOSITORY}:${tag}`).inspect()
    return new ProbeLab(docker, tag, Id)
  }

  /** The spec of a sandbox of this image; small limits, so that exhaustion is quick. */
  spec(
    options: Partial<PolicyOptions> = {},
    context: Partial<PolicyContext> = {},
    limits: Partial<PolicyOptions['limits']> = {},
  ): ContainerSpec {
    const all = {
      memoryBytes: 64 * MIB,
      cpuCount: 1,
      pids: 40,
      openFiles: 64,
      scratchBytes: 4 * MIB,
      shmBytes: MIB,
      lifetimeMs: 60_000,
      ...limits,
    }
    return buildContainerSpec(
      { limits: all, mounts: [], writable: ['/tmp', '/work'], network: 'none', runtime: 'runc', ...options },
      { image: this.#image, uid: UID, gid: GID, labels: {}, seccomp: targetSeccompProfile(process.arch), ...context },
    )
  }

  /** Starts `/probe` with these arguments. The caller must destroy the handle. */
  async start(
    argv: readonly string[],
    { spec = this.spec(), weaken }: { spec?: ContainerSpec; weaken?: Weaken | undefined } = {},
  ): Promise<ContainerHandle> {
    const driver = new DockerDriver({ sweep: false }, await weakenedClient(weaken))
    return driver.launch({ ...spec, argv: argv[0]?.startsWith('/') === true ? argv : ['/probe', ...argv] })
  }

  /** Runs `/probe` with these arguments to its end. */
  async run(
    argv: readonly string[],
    options: { spec?: ContainerSpec; weaken?: Weaken | undefined } = {},
  ): Promise<ProbeResult> {
    const handle = await this.start(argv, options)
    try {
      const [output, errors, exit] = await Promise.all([text(handle.output), text(handle.errorOutput), handle.exited])
      return { output, lines: output.split('\n').filter(Boolean), errors, exit }
    } finally {
      await handle.destroy()
    }
  }

  /** A network of its own that leads nowhere; the engine's default bridge may be missing. */
  async createNetwork(): Promise<AsyncDisposable & { readonly name: string }> {
    const name = `container-sandbox-test-${process.pid}`
    const network = await this.#docker.createNetwork({ Name: name, Internal: true })
    return { name, [Symbol.asyncDispose]: () => network.remove().then(() => undefined) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#docker.getImage(`${REPOSITORY}:${this.#tag}`).remove({ force: true })
  }
}

const REPOSITORY = 'container-sandbox-test/probe'

/** @returns when the probe said that it is ready */
export async function ready(handle: ContainerHandle): Promise<void> {
  for await (const chunk of handle.output) if (String(chunk).includes('ready')) return
}

async function endpoint() {
  const env = process.env
  return discoverEndpoint(
    { host: null, certPath: null, context: null },
    { env, home: '/', uid: process.getuid?.() ?? 0, systemSocket: '/var/run/docker.sock' },
  )
}

async function socketPath(): Promise<string> {
  const found = await endpoint()
  if (found.kind !== 'unix') throw new Error('These tests read /proc of the engine’s host: they need a local engine.')
  return found.socketPath
}

/** The driver's own client with a changed creation, as if an engine or a proxy took liberties. */
async function weakenedClient(weaken: Weaken | undefined): Promise<EngineClient> {
  const client = new DockerodeClient(endpoint)
  await client.connect()
  if (weaken === undefined) return client
  return {
    connect: (signal) => client.connect(signal),
    stream: (request) => client.stream(request),
    hijack: (request) => client.hijack(request),
    close: () => client.close(),
    request: (request: EngineRequest) => {
      if (request.path !== '/containers/create') return client.request(request)
      const body = structuredClone(request.body) as RequestBody
      weaken(body)
      return client.request({ ...request, body })
    },
  }
}
