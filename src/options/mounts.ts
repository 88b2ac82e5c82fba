import { z } from 'zod'
import { normalizeGuestPath } from './guest-path.js'
import { mountPointProblem, mountSourceProblem, RESERVED_GUEST_PATHS } from './mount-rules.js'
import { booleanOption, objectOption, optionFacts, textOption } from './option.js'
import { sizeOption } from './size.js'

/** Each mount costs the kernel and the audit one entry. */
const MAX_MOUNTS = 64
const MAX_WRITABLE_PATHS = 32

/** `/tmp` is always writable: hardly a program runs without it (Filesystem Hierarchy Standard 3.0, 3.18). */
export const DEFAULT_WRITABLE = Object.freeze(['/tmp'])

/** A path in the guest at which something is mounted: normalised, and nothing that the sandbox itself needs. */
function mountPointOption() {
  const allowed = `an absolute path without '..' and ':', outside ${RESERVED_GUEST_PATHS.join(', ')} and not '/' itself`
  return textOption({ type: 'guest path', allowed }, mountPointProblem).transform(normalizeGuestPath)
}

/** An absolute path of the engine's host that may be mounted. */
function mountSourceOption() {
  const allowed =
    "an absolute path without '..' and ':' on the engine's host; not '/', an engine's socket or the kernel's folders"
  return textOption({ type: 'host path', allowed }, (path) => mountSourceProblem(path)).transform(normalizeGuestPath)
}

/** One entry of `mounts`. */
export const mountSchema = objectOption({
  source: mountSourceOption().describe("Folder or file on the engine's host."),
  target: mountPointOption().describe('Where the guest sees it.'),
  writable: booleanOption().default(false).describe('Whether the guest may change it.'),
}).readonly()

/** `mounts`: parts of the host that the guest sees. */
export const mountsSchema = z
  .array(mountSchema, { error: 'an array of { source, target, writable }' })
  .max(MAX_MOUNTS, { error: `at most ${MAX_MOUNTS} mounts` })
  .register(optionFacts, { type: 'array of mounts', allowed: `at most ${MAX_MOUNTS}, each with its own target` })
  .readonly()

/** `writable`: scratch folders. The result is sorted, without repetition, and always has `/tmp`. */
export const writableSchema = z
  .array(mountPointOption(), { error: 'an array of guest paths' })
  .transform((paths) => [...new Set([...DEFAULT_WRITABLE, ...paths])].sort())
  .refine((paths) => paths.length <= MAX_WRITABLE_PATHS, { error: `at most ${MAX_WRITABLE_PATHS} paths with /tmp` })
  .register(optionFacts, { type: 'array of guest paths', allowed: `at most ${MAX_WRITABLE_PATHS}` })
  .readonly()

const KIB = 1024

/** `scratch`: sizes of single writable paths. A path here is writable without standing in `writable`. */
export const scratchSchema = z
  .record(mountPointOption(), sizeOption(64 * KIB, 1024 ** 4), { error: 'an object of sizes by guest path' })
  .refine((sizes) => Object.keys(sizes).length <= MAX_WRITABLE_PATHS, { error: `at most ${MAX_WRITABLE_PATHS} paths` })
  .register(optionFacts, { type: 'object', allowed: "sizes by guest path, such as `{ '/work': '256MiB' }`" })
  .readonly()

/** What a caller gives as one entry of `mounts`. */
export type MountOptions = z.input<typeof mountSchema>
/** The same with every default filled in, both paths normalised. */
export type ResolvedMount = z.output<typeof mountSchema>
