/** A bare repository in a private folder of this host, and what is fetched into it. */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SourceError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { GitAddress } from './git-address.js'
import { Git } from './git-command.js'
import type { SourceContext } from './source-context.js'

/** Where it is fetched from. */
export interface GitOrigin extends Pick<GitAddress, 'url' | 'shown' | 'protocol' | 'authorization' | 'secrets'> {
  /** Commits of history; `null` for all. */
  readonly depth: number | null
}

/** What was fetched stands under this name while the source is placed. */
const FETCHED = 'refs/sandbox/source'

/** A commit by its number, whole or shortened: SHA-1 or SHA-256 in hexadecimal. */
const COMMIT_NUMBER = /^[0-9a-f]{7,64}$/i

const NO_SUCH_REF = /couldn't find remote ref|not our ref|unadvertised object|no such remote ref/i

/** Makes an empty repository that knows where to fetch from. @throws {SourceError} when git is missing or fails. */
export async function openRepository(origin: GitOrigin, context: SourceContext): Promise<Git> {
  const { scratchDir, maxBytes, signal } = context
  const repository = join(scratchDir, 'repository')
  const home = join(scratchDir, 'home')
  const { protocol, secrets, shown } = origin
  const git = new Git({ repository, home, protocol, maxBytes, secrets, shown, signal })
  for (const folder of [repository, home]) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 })
  }
  await git.run('init', '--quiet', '--bare', '--template=', repository)
  const header =
    origin.authorization === null
      ? []
      : ['[http]', `\textraHeader = ${quoted(`Authorization: ${origin.authorization}`)}`]
  const config = ['[remote "origin"]', `\turl = ${quoted(origin.url)}`, ...header, ''].join('\n')
  await writeFile(join(repository, 'config'), config, { flag: 'a', mode: 0o600 })
  return git
}

/**
 * Fetches a branch, a tag or a commit, and the tags that point into what is fetched.
 *
 * A name is looked for as git does: as it is, then among tags, then among branches. A commit that the other side does not
 * give by its number is looked for in all branches and tags, with their whole history.
 * @returns the number of the commit
 * @throws {SourceError} when there is no such revision, or it is too large.
 */
export async function fetchCommit(
  git: Git,
  ref: string,
  depth: number | null,
  context: SourceContext,
): Promise<string> {
  const { shown } = git.place
  const limit = depth === null ? [] : [`--depth=${depth}`]
  const packs = join(git.place.repository, 'objects/pack')
  const end = await fetch(git, limit, `+${ref}:${FETCHED}`)
  let revision = FETCHED
  if (end.code !== 0) {
    // The kernel has stopped it at the cap, which git itself does not tell.
    await assertSize(packs, shown, context.maxBytes - 1)
    if (!NO_SUCH_REF.test(end.stderr)) throw git.failure(end)
    if (!COMMIT_NUMBER.test(ref)) throw missing(shown, ref)
    const all = await fetch(git, [], '+refs/heads/*:refs/sandbox/heads/*', '+refs/tags/*:refs/tags/*')
    await assertSize(packs, shown, context.maxBytes - 1)
    if (all.code !== 0) throw git.failure(all)
    revision = ref
  }
  await assertSize(packs, shown, context.maxBytes)
  const found = await git.attempt('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)
  const commit = found.stdout.toString('latin1').trim()
  if (found.code !== 0 || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) throw missing(shown, ref)
  return commit
}

function fetch(git: Git, options: readonly string[], ...refspecs: readonly string[]) {
  const quiet = ['--quiet', '--no-progress', '--no-write-fetch-head', '--no-auto-gc', '--no-recurse-submodules']
  return git.attempt('fetch', ...quiet, ...options, 'origin', ...refspecs)
}

function missing(shown: string, ref: string): SourceError {
  const what =
    ref === 'HEAD'
      ? "no commit that its HEAD names: give a branch, tag or commit as 'ref'"
      : `no commit '${printable(ref, 100)}'`
  return new SourceError(`${shown} has ${what}.`, { details: { why: 'no such revision' } })
}

async function assertSize(folder: string, shown: string, maxBytes: number): Promise<void> {
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size))
  if (sizes.reduce((sum, size) => sum + size, 0) <= maxBytes) return
  throw new SourceError(`The repository ${shown} has more than ${maxBytes} bytes: ask for less history.`, {
    details: { why: 'too large', maxBytes },
  })
}

/** A value of git's configuration, in quotes (git-config(1), "Syntax"). */
function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
