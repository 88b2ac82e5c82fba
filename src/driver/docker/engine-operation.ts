/** What a request to the engine does, in one of few words: for spans and numbers, where ids and references may not stand. */
import type { ENGINE_OPERATIONS } from '../../telemetry/index.js'

/** One of {@link ENGINE_OPERATIONS}, or `other`. */
export type EngineOperation = (typeof ENGINE_OPERATIONS)[number] | 'other'

/** What the last word of a path below a container does. */
const OF_CONTAINER: Readonly<Record<string, EngineOperation>> = {
  archive: 'container.archive',
  attach: 'container.attach',
  json: 'container.inspect',
  kill: 'container.kill',
  start: 'container.start',
  stats: 'container.stats',
  wait: 'container.wait',
}

const WHOLE: Readonly<Record<string, EngineOperation>> = {
  'GET /version': 'engine.version',
  'GET /info': 'engine.info',
  'POST /build': 'image.build',
  'POST /images/load': 'image.load',
  'GET /images/json': 'image.list',
  'GET /containers/json': 'container.list',
  'POST /containers/create': 'container.create',
}

/** @param path with or without the API's version, and Podman's own prefix */
export function operationOf(method: string, path: string): EngineOperation {
  const plain = path.replace(/^\/v\d+\.\d+(?=\/)/, '').replace(/^\/libpod(?=\/)/, '')
  const whole = `${method} ${plain}`
  if (Object.hasOwn(WHOLE, whole)) return WHOLE[whole] ?? 'other'
  const [, folder, ...rest] = plain.split('/')
  const last = rest.at(-1) ?? ''
  if (folder === 'containers') {
    if (rest.length === 1) return method === 'DELETE' ? 'container.remove' : 'other'
    return rest.length === 2 && Object.hasOwn(OF_CONTAINER, last) ? (OF_CONTAINER[last] ?? 'other') : 'other'
  }
  // References of images hold slashes.
  if (folder !== 'images' || rest.length === 0) return 'other'
  if (method === 'DELETE') return 'image.remove'
  return method === 'GET' && rest.length > 1 && last === 'json' ? 'image.inspect' : 'other'
}

/** The id of the container that a path is about, when it is one and no name; else `null`. */
export function containerIdOf(path: string): string | null {
  return /\/containers\/([0-9a-f]{64})(?:\/|$)/.exec(path)?.[1] ?? null
}
