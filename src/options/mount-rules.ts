/**
 * Which paths may be mounted, and where, by their text alone. One set of rules: the schemas use them, and so does everybody
 * who gets a mount from elsewhere, such as a link's real path or a folder that an image declares as a volume.
 */
import { absolutePathProblem, isWithin, normalizeGuestPath } from './guest-path.js'

/** Where the kernel's and the package's own things live in a sandbox: neither scratch nor mounts go there. */
export const RESERVED_GUEST_PATHS: readonly string[] = Object.freeze(['/.sandbox', '/proc', '/sys', '/dev'])

/** Folders of the host that no sandbox gets: the kernel's own file systems and what engines keep. */
const REFUSED_SOURCES = Object.freeze([
  '/proc',
  '/sys',
  '/dev',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/kubelet',
])

/** Where engines listen and keep what they run. Whoever can open one of their sockets is root on the host. */
const ENGINE_PLACES = Object.freeze([
  '/run/docker.sock',
  '/run/docker',
  '/run/docker.pid',
  '/run/containerd',
  '/run/podman',
  '/run/crio',
  '/run/buildkit',
  '/run/cri-dockerd.sock',
  '/run/runc',
])

/** An engine's socket by its name, wherever it is. */
const ENGINE_SOCKET = /\/(?:docker|containerd|podman|crio|buildkitd|cri-dockerd)\.sock$/

/** The folders of login sessions, where rootless engines listen. */
const SESSION_PLACE = /^\/run\/user(?:\/[^/]+(?:\/(?:docker|containerd|podman|buildkit|crio)[^/]*(?:\/.*)?)?)?$/

/** Engines and mount tables separate paths with colons and white space. */
const SEPARATORS = /[\u0000-\u001f\u007f:]/

/** What a mount needs to be compared with others; both paths normalised. */
export interface PlacedMount {
  readonly target: string
  readonly writable: boolean
}

/** Two entries of `mounts` and `writable` that cannot both be. */
export interface MountClash {
  /** Where the second one stands, for example `['mounts', 1, 'target']`. */
  readonly path: readonly (string | number)[]
  /** The target or writable path that stands there. */
  readonly target: string
  readonly reason: string
}

/** @returns why nothing can be mounted or be writable at a path of the guest, or `null` */
export function mountPointProblem(path: string): string | null {
  const problem = mountedPathProblem(path)
  if (problem !== null) return problem
  const normal = normalizeGuestPath(path)
  if (normal === '/') return 'the root of a sandbox stays read-only: name the folder that is needed'
  const reserved = RESERVED_GUEST_PATHS.find((folder) => isWithin(normal, folder))
  return reserved === undefined ? null : `${reserved} belongs to the sandbox itself`
}

/**
 * Why a path of the host may not be mounted. Looks at the text alone: call it again with what `realpath` returned, or a link
 * to an engine's socket passes.
 *
 * @param enginePaths what the engine in use has besides the usual places: its socket, its data folder
 * @returns the reason, or `null`
 */
export function mountSourceProblem(path: string, enginePaths: readonly string[] = []): string | null {
  const problem = mountedPathProblem(path)
  if (problem !== null) return problem
  const normal = withoutVarRun(path)
  if (normal === '/') return 'it would show the whole host to the guest: name the folder that is needed'
  const refused = REFUSED_SOURCES.find((folder) => isWithin(normal, folder) || isWithin(folder, normal))
  if (refused !== undefined)
    return isWithin(normal, refused) ? `${refused} controls the host` : `it holds ${refused}, which controls the host`
  const place = ENGINE_PLACES.find((candidate) => isWithin(normal, candidate) || isWithin(candidate, normal))
  if (place !== undefined && !isWithin(normal, place))
    return `it holds ${place}: whoever can open an engine's socket is root on the host`
  if (place !== undefined || ENGINE_SOCKET.test(normal) || SESSION_PLACE.test(normal))
    return "whoever can open an engine's socket is root on the host"
  const own = enginePaths.map(withoutVarRun).find((place) => isWithin(normal, place) || isWithin(place, normal))
  if (own !== undefined)
    return `${isWithin(normal, own) ? 'it belongs to' : `it holds ${own} of`} the engine in use: whoever has it controls the host`
  return null
}

/**
 * The first two entries that clash: a target that is used twice, a mount inside another one, and a writable path inside a
 * writable mount. For the last two a runtime would make folders on the host.
 *
 * @returns `null` when all fit side by side
 */
export function findMountClash(mounts: readonly PlacedMount[], writable: readonly string[]): MountClash | null {
  const targets = mounts.map((mount) => mount.target)
  const entries = [
    ...targets.map((target, index) => ({ target, path: ['mounts', index, 'target'] })),
    ...writable.map((target, index) => ({ target, path: ['writable', index] })),
  ]
  for (const { target, path } of entries) {
    const isMount = path[0] === 'mounts'
    if (entries.find((entry) => entry.target === target)?.path !== path)
      return { path, target, reason: isMount ? 'another mount has this target' : 'it is mounted or writable already' }
    if (!isMount) continue
    if (writable.includes(target)) return { path, target, reason: 'a path is either scratch or a mount' }
    const outer = targets.find((other) => other !== target && isWithin(target, other))
    if (outer !== undefined)
      return { path, target, reason: `it lies inside the mount at '${outer}': mount them side by side` }
  }
  for (const [index, { target, writable: isWritable }] of mounts.entries()) {
    const inner = isWritable ? writable.find((path) => isWithin(path, target)) : undefined
    if (inner !== undefined) {
      const reason = `the writable path '${inner}' lies inside this writable mount: leave that path out`
      return { path: ['mounts', index, 'target'], target, reason }
    }
  }
  return null
}

function mountedPathProblem(path: string): string | null {
  const problem = absolutePathProblem(path)
  if (problem !== null) return problem
  if (path.split('/').includes('..')) return "write the path without '..'"
  return SEPARATORS.test(path) ? 'it has a colon or a control character, which separate paths in mount tables' : null
}

/** `/var/run` is a link to `/run` (Filesystem Hierarchy Standard 3.0, 5.13). */
function withoutVarRun(path: string): string {
  return normalizeGuestPath(path).replace(/^\/var\/run(?=\/|$)/, '/run')
}
