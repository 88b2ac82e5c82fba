import { resolve } from 'node:path'
import { absolutePathProblem, isWithin, MAX_PATH_BYTES, normalizeGuestPath } from './guest-path.js'
import { textOption, textProblem } from './option.js'

/** Sockets whose holder commands an engine and with it the host. */
const ENGINE_SOCKETS = Object.freeze([
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
  '/run/crio/crio.sock',
])

/** Folders of the host that no sandbox gets: engine state and sockets, and the kernel's own file systems. */
const FORBIDDEN_HOST_FOLDERS = Object.freeze([
  '/proc',
  '/sys',
  '/dev',
  '/run/containerd',
  '/run/docker',
  '/run/podman',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/containers',
])

/** A path of this host, made absolute against the working folder. Whether it exists is seen when it is used. */
export function hostPathOption(what: string) {
  const allowed = `the path of ${what} on this host, at most ${MAX_PATH_BYTES} bytes`
  return textOption({ type: 'host path', allowed }, (path) =>
    path === '' ? 'it is empty' : textProblem(path, MAX_PATH_BYTES),
  ).transform((path) => resolve(path))
}

/** An absolute path of the engine's host that may be mounted. */
export function mountSourceOption() {
  const allowed =
    "an absolute path without '..' on the engine's host; not '/', an engine's socket or the kernel's folders"
  return textOption({ type: 'host path', allowed }, mountSourceProblem).transform(normalizeGuestPath)
}

/**
 * Why a path of the host may not be mounted. Looks at the text alone: call it again with what `realpath` returned, or a link
 * to an engine's socket passes.
 *
 * @returns the reason, or `null`
 */
export function mountSourceProblem(path: string): string | null {
  const problem = absolutePathProblem(path)
  if (problem !== null) return problem
  if (path.split('/').includes('..')) return "write the path without '..'"
  const normal = normalizeGuestPath(path).replace(/^\/var\/run(?=\/|$)/, '/run')
  if (normal === '/') return 'it would show the whole host to the guest: name the folder that is needed'
  if (/\/(docker|podman|containerd|crio)\.sock$/.test(normal))
    return "whoever can open an engine's socket is root on the host"
  const folder = FORBIDDEN_HOST_FOLDERS.find((forbidden) => isWithin(normal, forbidden))
  if (folder !== undefined) return `${folder} controls the host`
  const socket = ENGINE_SOCKETS.find((candidate) => isWithin(candidate, normal))
  if (socket !== undefined) return `it holds ${socket}: whoever can open an engine's socket is root on the host`
  const inside = FORBIDDEN_HOST_FOLDERS.find((forbidden) => isWithin(forbidden, normal))
  return inside === undefined ? null : `it holds ${inside}, which controls the host`
}
