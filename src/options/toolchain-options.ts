/** Options of `buildToolchain`. */
import { z } from 'zod'
import { driverOption } from './driver-object.js'
import { abortSignalOption, durationOption, objectOption, opaqueOption, optionFacts, textOption } from './option.js'
import { parseOptions } from './parse.js'

/** Debian 12: its compiler takes old sources too, and its Node.js 18 and npm 9 run what newer ones run for the most part. */
const DEFAULT_TOOLCHAIN_SUITE = 'bookworm'

/** Compiler, tools and interpreters, and what `./configure` and unpacking sources call. */
export const TOOLCHAIN_PACKAGES: readonly string[] =
  'bzip2 ca-certificates file gcc git libc6-dev make nodejs npm patch pkgconf python3 xz-utils'.split(' ')

/** Debian's rule for names of packages (Debian Policy Manual, 5.6.1), and room for the longest that there is. */
const PACKAGE_PATTERN = /^[a-z0-9][a-z0-9+.-]{1,99}$/
const MAX_PACKAGES = 500
/** A code name or an alias of one: `bookworm`, `stable`. */
const SUITE_PATTERN = /^[a-z][a-z0-9-]{1,31}$/
const MAX_MIRROR_CHARACTERS = 2_000

/** How far the making of a toolchain has come, in this order. */
export const TOOLCHAIN_PHASES = [
  'index',
  'download',
  'unpack',
  'essential',
  'packages',
  'clean',
  'pack',
  'load',
] as const
/** One of {@link TOOLCHAIN_PHASES}. */
export type ToolchainPhase = (typeof TOOLCHAIN_PHASES)[number]

/** What `onProgress` hears: once at the beginning of each phase. */
export interface ToolchainProgress {
  readonly phase: ToolchainPhase
  /** Place of the phase, from 1. */
  readonly step: number
  readonly steps: number
  /** Since the beginning. */
  readonly elapsedMs: number
}

/** Options of `buildToolchain`. */
export const toolchainOptionsSchema = objectOption({
  suite: textOption({ type: 'string', allowed: "a release of Debian, such as 'bookworm' or 'stable'" }, (suite) =>
    SUITE_PATTERN.test(suite) ? null : 'a name has 2 to 32 lower-case letters, digits and dashes',
  )
    .default(DEFAULT_TOOLCHAIN_SUITE)
    .describe('Release of Debian.'),
  mirror: textOption({ type: 'URL', allowed: 'an http:// or https:// URL of a mirror of Debian' }, mirrorProblem)
    .nullable()
    .default(null)
    .describe(
      'Where packages come from, checked with the keys of Debian. Default: `http://deb.debian.org/debian` with the updates and security updates of the release; a mirror of your own is taken alone.',
    ),
  packages: z
    .array(
      textOption({ type: 'string', allowed: "the name of a Debian package, such as 'g++'" }, (name) =>
        PACKAGE_PATTERN.test(name) ? null : "a name has 2 to 100 of a-z, 0-9, '+', '.' and '-'",
      ),
      { error: 'a list of names of Debian packages' },
    )
    .max(MAX_PACKAGES, { error: `at most ${MAX_PACKAGES} names` })
    .transform((packages) => [...new Set(packages)].sort())
    .register(optionFacts, { type: 'string[]', allowed: `at most ${MAX_PACKAGES} names of Debian packages` })
    .prefault([])
    .describe(`Packages besides ${TOOLCHAIN_PACKAGES.join(', ')}.`),
  timeoutMs: durationOption(1000)
    .default(15 * 60_000)
    .describe('Deadline for downloading and installing.'),
  driver: driverOption().describe('What keeps the image. Default: a `DockerDriver` with default options.'),
  signal: abortSignalOption().nullable().default(null).describe('Ends it; nothing is left behind.'),
  onProgress: opaqueOption<(progress: ToolchainProgress) => void>(
    { type: 'function', allowed: 'a function that takes `{ phase, step, steps, elapsedMs }`' },
    (value) => typeof value === 'function',
  )
    .nullable()
    .default(null)
    .describe('Hears of each phase when it begins.'),
}).readonly()

/** What a caller gives to `buildToolchain`. */
export type ToolchainOptions = z.input<typeof toolchainOptionsSchema>
/** The same, checked and completed. */
export type ResolvedToolchainOptions = z.output<typeof toolchainOptionsSchema>

/** @throws {InvalidOptionsError} listing every issue */
export function parseToolchainOptions(raw: unknown = {}): ResolvedToolchainOptions {
  return parseOptions(toolchainOptionsSchema, raw, 'toolchain options')
}

function mirrorProblem(mirror: string): string | null {
  if (mirror.length > MAX_MIRROR_CHARACTERS) return `it has ${mirror.length} characters`
  // It becomes one word of a line of sources.list.
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(mirror) || /["'[\]#\\]/.test(mirror)) {
    return 'it is no such URL, or has blanks, quotes, brackets, # or \\ in it'
  }
  try {
    const { username, password } = new URL(mirror)
    return username + password === '' ? null : 'a login in it would be in the image; put it into apt_auth.conf(5)'
  } catch {
    return 'it cannot be read as a URL'
  }
}
