import { z } from 'zod'
import { mountPointOption } from './guest-path.js'
import { mountSourceOption } from './host-path.js'
import { booleanOption, objectOption, optionFacts } from './option.js'

/** Each mount costs the kernel and the audit one entry. */
const MAX_MOUNTS = 64
const MAX_WRITABLE_PATHS = 32

/** `/tmp` is always writable: hardly a program runs without it (Filesystem Hierarchy Standard 3.0, 3.18). */
export const DEFAULT_WRITABLE = Object.freeze(['/tmp'])

/** One entry of `mounts`. */
export const mountSchema = objectOption({
  source: mountSourceOption().describe("Folder or file on the engine's host."),
  target: mountPointOption().describe('Where the guest sees it.'),
  writable: booleanOption().default(false).describe('Whether the guest may change it. Always `nosuid,nodev`.'),
}).readonly()

/** `mounts`: parts of the host that the guest sees. */
export const mountsSchema = z
  .array(mountSchema, { error: 'an array of { source, target, writable }' })
  .max(MAX_MOUNTS, { error: `at most ${MAX_MOUNTS} mounts` })
  .superRefine((mounts, context) => {
    mounts.forEach((mount, index) => {
      const first = mounts.findIndex((other) => other.target === mount.target)
      if (first === index) return
      context.addIssue({
        code: 'custom',
        path: [index, 'target'],
        message: 'a target that no other mount has',
        params: { hint: `the mount before it with this target is number ${first}, counted from 0` },
        input: mount.target,
      })
    })
  })
  .register(optionFacts, { type: 'array of mounts', allowed: `at most ${MAX_MOUNTS}, each with its own target` })
  .readonly()

/** `writable`: scratch folders. The result is sorted, without repetition, and always has `/tmp`. */
export const writableSchema = z
  .array(mountPointOption(), { error: 'an array of guest paths' })
  .transform((paths) => [...new Set([...DEFAULT_WRITABLE, ...paths])].sort())
  .refine((paths) => paths.length <= MAX_WRITABLE_PATHS, { error: `at most ${MAX_WRITABLE_PATHS} paths with /tmp` })
  .register(optionFacts, { type: 'array of guest paths', allowed: `at most ${MAX_WRITABLE_PATHS}` })
  .readonly()

/** @returns the index of the first mount that sits on a writable path itself; `-1` when there is none */
export function findMountOnScratch(
  mounts: readonly { readonly target: string }[],
  writable: readonly string[],
): number {
  return mounts.findIndex((mount) => writable.includes(mount.target))
}

export type MountOptions = z.input<typeof mountSchema>
export type ResolvedMount = z.output<typeof mountSchema>
