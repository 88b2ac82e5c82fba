import type { SandboxDriver } from '../driver/driver.js'
import { opaqueOption } from './option.js'

/** `driver`: what runs containers, passed on as it is. */
export function driverOption() {
  return opaqueOption<SandboxDriver>(
    { type: 'SandboxDriver', allowed: 'a driver, such as `new DockerDriver()`' },
    isDriver,
  )
    .nullable()
    .default(null)
}

function isDriver(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return 'launch' in value && typeof value.launch === 'function' && 'images' in value
}
