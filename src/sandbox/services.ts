/** What sandboxes share: per engine one driver and one image builder, per process one user allocator. */
import { DockerDriver } from '../driver/docker/index.js'
import type { SandboxDriver } from '../driver/driver.js'
import { ImageBuilder } from '../image/index.js'
import { UserAllocator } from '../users/index.js'
import type { SandboxServices } from './launch.js'

let defaultDriver: DockerDriver | null = null
let users: UserAllocator | null = null
const builders = new WeakMap<SandboxDriver, ImageBuilder>()

/** The services for a driver; without one, those of the engine that the environment names. */
export function sharedServices(driver: SandboxDriver | null): SandboxServices {
  const chosen = driver ?? (defaultDriver ??= new DockerDriver())
  let images = builders.get(chosen)
  if (images === undefined) {
    images = new ImageBuilder({ store: chosen.images })
    builders.set(chosen, images)
  }
  users ??= new UserAllocator()
  return { driver: chosen, images, users }
}
