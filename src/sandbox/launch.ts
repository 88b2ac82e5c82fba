/** From options to a running container: identity, image, spec, start. Whatever fails, nothing is left behind. */
import { randomUUID } from 'node:crypto'
import type { ContainerHandle, SandboxDriver } from '../driver/driver.js'
import type { ImageBuilder } from '../image/index.js'
import { buildContainerSpec, buildLabels, type ContainerSpec } from '../policy/index.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import type { Identity, UserAllocator } from '../users/index.js'

/** What a sandbox needs from its surroundings; shared by all sandboxes of a process that use the same engine. */
export interface SandboxServices {
  readonly driver: SandboxDriver
  readonly images: ImageBuilder
  readonly users: UserAllocator
}

export interface LaunchedContainer {
  readonly container: ContainerHandle
  readonly identity: Identity
  readonly spec: ContainerSpec
  /** The environment that every command starts from. */
  readonly env: Readonly<Record<string, string>>
}

/** As Docker's own default for a container. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A deadline label outlives the lifetime by this, so that a sweep never races a container that ends by itself. */
const DEADLINE_GRACE_MS = 60_000

export async function launchContainer(
  id: string,
  options: ResolvedSandboxOptions,
  services: SandboxServices,
  signal: AbortSignal,
): Promise<LaunchedContainer> {
  const identity = await services.users.resolve(options.user)
  try {
    signal.throwIfAborted()
    const { base } = options
    const image = await services.images.ensure({ base, home: identity.home, uid: identity.uid, gid: identity.gid, signal })
    const labels = buildLabels({
      sandboxId: id,
      role: 'sandbox',
      user: identity.name,
      deadline: new Date(Date.now() + options.limits.lifetimeMs + DEADLINE_GRACE_MS),
      custom: options.labels,
    })
    const spec = buildContainerSpec(options, { image: image.reference, volumes: image.volumes, uid: identity.uid, gid: identity.gid, sandboxId: id, labels })
    const container = await services.driver.launch(spec, signal)
    return { container, identity, spec, env: commandEnvironment(identity, image.env, options.env) }
  } catch (error) {
    await identity.release()
    throw error
  }
}

function commandEnvironment(identity: Identity, image: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const name = identity.name ?? 'sandbox'
  return { PATH: DEFAULT_PATH, ...image, HOME: '/', USER: name, LOGNAME: name, ...own }
}

export function createSandboxId(): string {
  return randomUUID()
}
