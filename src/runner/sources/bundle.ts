import { SourceError } from '../../errors.js'
import type { ResolvedBuildSource } from '../../options/index.js'
import { printable } from '../../printable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import type { Git } from './git-command.js'
import { fetchCommit, openRepository } from './git-repository.js'
import { sendCommit } from './git.js'
import type { PlacedSource, SourceContext } from './source-context.js'
import { openSourceFile } from './source-file.js'

/** A file that `git bundle create` wrote. */
export type BundleSource = Extract<ResolvedBuildSource, { readonly bundle: string }>

/** gitformat-bundle(5). */
const SIGNATURE = /^# v[23] git bundle\n/

/** Names in a message. */
const MAX_SHOWN_REFS = 8

/** Reads a bundle with the host's git and sends it as a repository by URL. @throws {SourceError} {@link UnsafeArchiveError} */
export async function placeBundle(
  sandbox: ContainerSandbox,
  { bundle, ref }: BundleSource,
  context: SourceContext,
): Promise<PlacedSource> {
  const shown = `the bundle '${printable(bundle, 200)}'`
  await assertBundle(bundle, shown)
  const origin = { url: bundle, shown, protocol: 'file', authorization: null, secrets: [], depth: null } as const
  const git = await openRepository(origin, context)
  const commit = await fetchCommit(git, ref ?? (await headOf(git, bundle)), null, context)
  // Not every version of git checks what comes out of a bundle as it checks what it fetches.
  await git.run('fsck', '--no-progress', '--no-dangling', '--no-reflogs', commit)
  return sendCommit(sandbox, git, commit, context)
}

/** git takes a folder in the place of a bundle for a repository. */
async function assertBundle(path: string, shown: string): Promise<void> {
  const file = await openSourceFile(path)
  try {
    const head = Buffer.alloc(32)
    const read = await file?.read(head, 0, head.length, 0)
    if (SIGNATURE.test(head.toString('latin1', 0, read?.bytesRead ?? 0))) return
  } finally {
    await file?.close()
  }
  throw new SourceError(`Cannot read ${shown}: it is no file that 'git bundle create' wrote.`, {
    details: { why: 'no bundle' },
  })
}

/** What HEAD names in the bundle, or the only branch in one without HEAD. */
async function headOf(git: Git, bundle: string): Promise<string> {
  const listed = (await git.run('bundle', 'list-heads', bundle)).toString('utf8')
  const refs = listed.split('\n').flatMap((line) => /^[0-9a-f]+ (.+)$/.exec(line)?.[1] ?? [])
  if (refs.includes('HEAD')) return 'HEAD'
  const [only, ...others] = refs.filter((name) => name.startsWith('refs/heads/'))
  if (only !== undefined && others.length === 0) return only
  const names = refs.slice(0, MAX_SHOWN_REFS).map((name) => `'${printable(name, 60)}'`)
  throw new SourceError(`${git.place.shown} has no HEAD: give one of its revisions as 'ref': ${names.join(', ')}.`, {
    details: { why: 'no such revision' },
  })
}
