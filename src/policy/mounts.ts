/**
 * Which paths may be mounted, and where.
 *
 * The target rules are pure. The source rules come twice: on the text, and on what the path really is
 * (`assertMountSources`). The second is a check at one moment: a source that somebody swaps between the check and the
 * engine's own mount is mounted as the engine finds it. So a source must lie in a folder that no tenant can write to.
 */
import { posix } from 'node:path'
import { InvalidOptionsError } from '../errors.js'
import type { BindMount } from './container-spec.js'

/** PATH_MAX of Linux without the closing NUL (limits.h). */
const MAX_PATH_BYTES = 4095

/** Guest folders that belong to the kernel or to the supervisor. */
const RESERVED_TARGETS = ['/proc', '/sys', '/dev', '/.sandbox'] as const

/** Host folders that hold the kernel's interfaces or the engines' own state. */
const REFUSED_SOURCES = [
  '/proc',
  '/sys',
  '/dev',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/kubelet',
] as const

/** Where engines listen. Whoever can write to one of these is root on the host. */
export const ENGINE_SOCKETS: readonly string[] = Object.freeze(
  [
    'docker.sock',
    'docker',
    'containerd',
    'docker.pid',
    'podman',
    'crio',
    'buildkit',
    'cri-dockerd.sock',
    'runc',
  ].flatMap((name) => [`/run/${name}`, `/var/run/${name}`]),
)

/** The folder of a login session, where rootless engines listen. */
const SESSION_FOLDER =
  /^(?:\/var)?\/run\/user(?:\/[^/]+(?:\/(?:docker|containerd|podman|buildkit|crio)[^/]*(?:\/.*)?)?)?$/

/** Is `path` the folder itself or something below it? Both must be normal absolute paths. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`)
}

/**
 * Checks that a path is absolute, in normal form and printable.
 * @param what what the path is, for the message, for example `mounts[0].target`.
 * @throws {InvalidOptionsError} for a relative path, `..`, a doubled or trailing slash, `:`, control characters, or more than 4,095 bytes.
 */
export function assertPlainPath(path: string, what: string): void {
  const shown = JSON.stringify(path.slice(0, 200))
  if (!path.startsWith('/')) throw new InvalidOptionsError(`${what} is ${shown}: an absolute path is needed.`)
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new InvalidOptionsError(`${what} is longer than ${MAX_PATH_BYTES} bytes.`)
  if (/[\u0000-\u001f\u007f:]/.test(path))
    throw new InvalidOptionsError(`${what} is ${shown}: a colon or a control character is not allowed.`)
  const normal = path === '/' ? '/' : posix.normalize(path).replace(/\/$/, '')
  if (normal !== path)
    throw new InvalidOptionsError(
      `${what} is ${shown}: write it in normal form, ${JSON.stringify(normal.slice(0, 200))}.`,
    )
}

/**
 * Checks a guest path that is to be mounted over.
 * @throws {InvalidOptionsError} for what {@link assertPlainPath} refuses, for `/`, and for `/proc`, `/sys`, `/dev`, `/.sandbox` and what is below.
 */
export function assertMountTarget(target: string, what: string): void {
  assertPlainPath(target, what)
  if (target === '/')
    throw new InvalidOptionsError(
      `${what} is '/': the root comes from the image and stays read-only. Mount a folder below it.`,
    )
  const reserved = RESERVED_TARGETS.find((folder) => isWithin(target, folder))
  if (reserved !== undefined) {
    throw new InvalidOptionsError(
      `${what} is '${target}': '${reserved}' belongs to the kernel or the supervisor. Choose another path.`,
    )
  }
}

/**
 * Checks a host path by its text alone.
 * @param engineSockets further sockets besides {@link ENGINE_SOCKETS}, for example the one that is in use.
 * @throws {InvalidOptionsError} for `/`, the kernel's file systems, an engine's state or socket, and every folder that holds one.
 */
export function assertMountSource(source: string, what: string, engineSockets: readonly string[] = []): void {
  assertPlainPath(source, what)
  if (source === '/')
    throw new InvalidOptionsError(
      `${what} is '/': the host's whole file system is never mounted. Name the folder that is needed.`,
    )
  const refused = REFUSED_SOURCES.find((folder) => isWithin(source, folder) || isWithin(folder, source))
  if (refused !== undefined) {
    throw new InvalidOptionsError(
      `${what} is '${source}': that holds or is '${refused}', which is the kernel's or the engine's own. Name a folder of yours.`,
    )
  }
  const socket = [...ENGINE_SOCKETS, ...engineSockets].find((path) => isWithin(path, source) || isWithin(source, path))
  if (socket !== undefined || SESSION_FOLDER.test(source)) {
    throw new InvalidOptionsError(
      `${what} is '${source}': it reaches an engine's socket (${socket ?? 'of a login session'}), which is root on the host. It is never mounted.`,
    )
  }
}

/**
 * Checks bind mounts and writable paths against each other.
 * @throws {InvalidOptionsError} for a bad target or source, a target used twice, a bind mount inside another one, and a
 * writable path inside a writable bind mount: the runtime would make folders on the host for these.
 */
export function assertMounts(
  mounts: readonly BindMount[],
  writable: readonly string[],
  engineSockets: readonly string[] = [],
): void {
  for (const [index, mount] of mounts.entries()) {
    assertMountTarget(mount.target, `mounts[${index}].target`)
    assertMountSource(mount.source, `mounts[${index}].source`, engineSockets)
  }
  for (const [index, path] of writable.entries()) assertMountTarget(path, `writable[${index}]`)

  const targets = [...mounts.map((mount) => mount.target), ...writable]
  const twice = targets.find((target, index) => targets.indexOf(target) !== index)
  if (twice !== undefined)
    throw new InvalidOptionsError(`'${twice}' is mounted twice. Each path can be one mount or writable path.`)

  for (const outer of mounts) {
    const inner = mounts.find((mount) => mount !== outer && isWithin(mount.target, outer.target))
    if (inner !== undefined)
      throw new InvalidOptionsError(
        `The mount at '${inner.target}' lies inside the mount at '${outer.target}'. Mount them side by side.`,
      )
    const path = outer.writable ? writable.find((candidate) => isWithin(candidate, outer.target)) : undefined
    if (path !== undefined)
      throw new InvalidOptionsError(
        `The writable path '${path}' lies inside the writable mount at '${outer.target}'. Leave it out.`,
      )
  }
}
