/** From options to a running container: identity, image, spec, start. Whatever fails, nothing is left behind. */
import { randomUUID } from 'node:crypto'
import { ownIdentity } from '../driver/host-identity.js'
import { PACKAGE_VERSION } from '../package-version.js'
import { assertHostBase } from '../policy/host-base.js'
import { buildLabels, type Role } from '../policy/labels.js'
import type { ContainerHandle, EngineInfo } from '../driver/driver.js'
import { buildContainerSpec, resolveMountSources, sandboxSeccompProfile, type ContainerSpec } from '../policy/index.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import type { Identity } from '../users/index.js'
import type { TraceSession } from '../trace/index.js'
import { launchTraced } from './launch-traced.js'
import type { SandboxServices } from './services.js'

/** A container that runs, and what it was made from. */
export interface LaunchedContainer {
  readonly container: ContainerHandle
  readonly identity: Identity
  readonly spec: ContainerSpec
  readonly engine: EngineInfo
  /** `null` when the sandbox is not traced. */
  readonly trace: TraceSession | null
  /** What the home holds in the guest; see `PreparedImage`. */
  readonly homePaths: readonly string[]
  /** The environment that every command starts from. */
  readonly env: Readonly<Record<string, string>>
}

/** As Docker's own default for a container. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * @param id - of the sandbox; becomes a label and part of the container's name
 * @throws {UserError} {@link HomeError} {@link ImageError} {@link InvalidOptionsError} and errors of the engine
 */
export async function launchContainer(
  id: string,
  options: ResolvedSandboxOptions,
  services: SandboxServices,
  signal: AbortSignal,
): Promise<LaunchedContainer> {
  const identity = await services.users.resolve(options.user)
  try {
    signal.throwIfAborted()
    const { base, trace } = options
    const { home, uid, gid } = identity
    const engine = await services.engine()
    if (base === 'host') assertHostBase(engine)
    const [image, tracerImage] = await Promise.all([
      services.images.ensure({ base, home, uid, gid, signal }),
      trace === null ? null : services.images.ensureTracer(signal),
    ])
    const labels = (role: Role): Record<string, string> =>
      buildLabels({
        role,
        owner: ownIdentity(),
        version: PACKAGE_VERSION,
        sandboxId: id,
        deadline: new Date(Date.now() + options.limits.lifetimeMs),
        ...(identity.name === null ? {} : { user: identity.name }),
        extra: options.labels,
      })
    const enginePaths = engine.ownPaths ?? []
    const mounts = engine.local ? await resolveMountSources(options.mounts, enginePaths) : options.mounts
    const spec = buildContainerSpec(
      { ...options, mounts },
      {
        image: image.reference,
        imageEnv: image.env,
        volumes: image.volumes,
        baseMounts: image.baseMounts,
        enginePaths,
        uid,
        gid,
        labels: labels('sandbox'),
        seccomp: await sandboxSeccompProfile(options.seccomp, engine.architecture),
        trace: trace === null ? null : { calls: trace.calls, pinCpu: trace.pinCpu && options.limits.cpuCount <= 1 },
      },
    )
    const { driver } = services
    const started =
      trace === null || tracerImage === null
        ? { container: await driver.launch(spec, signal), trace: null }
        : await launchTraced({
            driver,
            engine,
            spec,
            options: trace,
            context: { home: image.homePaths, scratch: spec.scratch.map(({ target }) => target), mounts },
            tracerImage,
            tracerLabels: labels('tracer'),
            sandboxId: id,
            signal,
          })
    const env = commandEnvironment(identity, image.env, options.env)
    return { ...started, identity, spec, engine, homePaths: image.homePaths, env }
  } catch (error) {
    await identity.release()
    throw error
  }
}

function commandEnvironment(
  identity: Identity,
  image: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const name = identity.name ?? 'sandbox'
  // All that login(1) sets: what is missing, programs look up in /etc/passwd, where no guest stands.
  return { PATH: DEFAULT_PATH, ...image, HOME: '/', USER: name, LOGNAME: name, SHELL: '/bin/sh', ...own }
}

/** A random UUID: also a name that no other container has. */
export function createSandboxId(): string {
  return randomUUID()
}
