/** `source` of a build: where the files come from that it begins with. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { integerOption, objectOption, opaqueOption, optionFacts, textOption, textProblem } from './option.js'

const MAX_URL_BYTES = 2048

/** What git itself takes as a revision, less what it could read as an option or a range (gitrevisions(7), git-check-ref-format(1)). */
const REF_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_./@+-]{0,254}$/

/** Without the transports that run a command of the URL's choice (`ext::`, git-remote-ext(1)) and without options. */
const URL_PATTERN = /^(?:https?|ssh|git|file):\/\/[^\s\0]+$/

function refOption() {
  const allowed = "a branch, tag or commit, such as 'main', 'v1.2' or 'refs/heads/main'"
  return textOption({ type: 'git revision', allowed }, (ref) =>
    REF_PATTERN.test(ref) && !ref.includes('..') && !ref.endsWith('.lock')
      ? null
      : 'git would take it for something else',
  )
    .nullable()
    .default(null)
    .describe('What is checked out. Default: what HEAD names there.')
}

function urlOption() {
  const allowed = 'a URL that begins with https://, http://, ssh://, git:// or file://'
  return textOption({ type: 'git URL', allowed }, (url) => {
    const problem = textProblem(url, MAX_URL_BYTES)
    if (problem !== null) return problem
    return URL_PATTERN.test(url) ? null : 'other transports can run commands on this host'
  }).describe('Repository. It is fetched on this host, by its git and with its credentials switched off, then sent in.')
}

/** A folder of this host. */
export const folderSourceSchema = objectOption({
  folder: hostPathOption('a folder').describe(
    'Folder whose content becomes the workspace; modes are kept, links stay links.',
  ),
}).readonly()

/** A tar archive, plain or gzipped. */
export const tarSourceSchema = objectOption({
  tar: z
    .union([
      hostPathOption('a tar archive'),
      opaqueOption<AsyncIterable<unknown>>(
        { type: 'stream', allowed: 'the path of a tar archive, or a readable stream of one' },
        (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
      ).transform((stream) =>
        stream instanceof Readable ? stream : Readable.from(stream, { objectMode: false, highWaterMark: 1024 ** 2 }),
      ),
    ])
    .register(optionFacts, {
      type: 'host path or stream',
      allowed: 'the path of a tar archive, or a readable stream of one; gzip is recognised',
    })
    .describe(
      'Archive. Each entry is checked: with links that lead out, absolute names or devices the outcome is `error`.',
    ),
}).readonly()

/** A git repository by URL. */
export const gitSourceSchema = objectOption({
  git: urlOption(),
  ref: refOption(),
  depth: integerOption({ min: 1, max: 1_000_000, unit: 'commits', orNull: 'the whole history' })
    .nullable()
    .default(1)
    .describe('How much history the workspace has.'),
}).readonly()

/** A git bundle on this host (git-bundle(1)). */
export const bundleSourceSchema = objectOption({
  bundle: hostPathOption('a git bundle').describe('File that `git bundle create` wrote.'),
  ref: refOption(),
}).readonly()

const SOURCE_ALLOWED = '{ folder }, { tar }, { git, ref, depth }, { bundle, ref }, or null for an empty workspace'

/** `source`; which one it is, its first member tells. */
export const buildSourceSchema = z
  .union([folderSourceSchema, tarSourceSchema, gitSourceSchema, bundleSourceSchema], { error: SOURCE_ALLOWED })
  .register(optionFacts, { type: 'object', allowed: SOURCE_ALLOWED })

/** What a caller gives as `source`. */
export type BuildSource = z.input<typeof buildSourceSchema>
/** The same, checked and completed. */
export type ResolvedBuildSource = z.output<typeof buildSourceSchema>
