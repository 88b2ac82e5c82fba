import { posix } from 'node:path'
import { textOption, textProblem } from './option.js'
import { parseOptions } from './parse.js'

/** `PATH_MAX` of Linux without the closing NUL (limits.h, path_resolution(7)). */
export const MAX_PATH_BYTES = 4095

/** `NAME_MAX` of Linux. */
const MAX_NAME_BYTES = 255

/** An absolute path in the guest, passed on as it is: the kernel inside resolves links and `..`. */
export function guestPathOption() {
  return textOption(
    { type: 'guest path', allowed: `an absolute path of at most ${MAX_PATH_BYTES} bytes` },
    absolutePathProblem,
  )
}

const guestPathSchema = guestPathOption()

/**
 * Checks a path of `sandbox.fs`. It is passed on unchanged.
 *
 * @throws {InvalidOptionsError} for relative and empty paths, NUL bytes and what is longer than the kernel takes
 */
export function parseGuestPath(path: unknown): string {
  return parseOptions(guestPathSchema, path, 'guest path')
}

/** Removes repeated and trailing slashes and `.` segments. */
export function normalizeGuestPath(path: string): string {
  const normal = posix.normalize(path)
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

/** @returns what is wrong with an absolute path, or `null` */
export function absolutePathProblem(path: string): string | null {
  if (path === '') return 'it is empty'
  if (!path.startsWith('/')) return 'it is relative: start it with a slash'
  const problem = textProblem(path, MAX_PATH_BYTES)
  if (problem !== null) return problem
  const long = path.split('/').find((name) => Buffer.byteLength(name) > MAX_NAME_BYTES)
  return long === undefined ? null : `a name in it has more than ${MAX_NAME_BYTES} bytes`
}

/** @returns `true` when `path` is `folder` or lies below it; both normalised */
export function isWithin(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`)
}
