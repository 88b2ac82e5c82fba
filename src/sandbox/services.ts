/** What sandboxes of one process share: a driver and an image builder per engine, an allocator per range of users. */
import { DockerDriver } from '../driver/docker/docker-driver.js'
import type { EngineInfo, SandboxDriver } from '../driver/driver.js'
import { ImageBuilder } from '../image/index.js'
import type { ResolvedSandboxOptions, ResolvedUserRange } from '../options/index.js'
import { defaultStateFolder, UserAllocator } from '../users/index.js'

/** What a sandbox takes from its surroundings. */
export interface SandboxServices {
  readonly driver: SandboxDriver
  readonly images: ImageBuilder
  readonly users: UserAllocator
  /** What the engine is; asked once. */
  engine(): Promise<EngineInfo>
}

/** What belongs to one engine and is shared by its sandboxes. */
export type EngineServices = Pick<SandboxServices, 'driver' | 'images' | 'engine'>

let defaultDriver: DockerDriver | null = null
const engines = new WeakMap<SandboxDriver, EngineServices>()
const allocators = new Map<string, UserAllocator>()

/** The services for a sandbox; without a driver in its options, those of the engine that the environment names. */
export function sharedServices(options: ResolvedSandboxOptions): SandboxServices {
  return {
    ...engineServices(options.driver ?? (defaultDriver ??= new DockerDriver())),
    users: userAllocator(options.users),
  }
}

/** One driver with its image builder, shared by every sandbox of this process on that engine. */
export function engineServices(driver: SandboxDriver): EngineServices {
  const known = engines.get(driver)
  if (known !== undefined) return known
  let info: Promise<EngineInfo> | undefined
  const services: EngineServices = {
    driver,
    images: new ImageBuilder({ store: driver.images, stateDir: defaultStateFolder() }),
    engine() {
      info ??= driver.info().catch((error: unknown) => {
        info = undefined
        throw error
      })
      return info
    },
  }
  engines.set(driver, services)
  return services
}

function userAllocator(range: ResolvedUserRange): UserAllocator {
  const key = JSON.stringify(range)
  const known = allocators.get(key) ?? new UserAllocator(range)
  allocators.set(key, known)
  return known
}
