import type { ResolvedBuildSource } from '../../options/index.js'
import { pulledStream } from '../../sandbox/pulled-stream.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { parseGitAddress } from './git-address.js'
import { openCheckout, packCheckout } from './git-checkout.js'
import type { Git } from './git-command.js'
import { fetchCommit, openRepository } from './git-repository.js'
import type { PlacedSource, SourceContext } from './source-context.js'

/** A repository by its URL. */
export type GitSource = Extract<ResolvedBuildSource, { readonly git: string }>

/**
 * Fetches on the host, with nothing of the host's identity, and sends the files and a repository with HEAD at the commit.
 * Contents are as they were committed: what a filter would make of them, such as the files of LFS, is left to the build, and
 * so are submodules, whose folders are empty.
 *
 * Whoever may give a URL reaches with it what this host reaches, and repositories on its disk with `file://`.
 * @throws {SourceError} {@link UnsafeArchiveError}
 */
export async function placeGit(
  sandbox: ContainerSandbox,
  { git: url, ref, depth }: GitSource,
  context: SourceContext,
): Promise<PlacedSource> {
  const git = await openRepository({ ...parseGitAddress(url), depth }, context)
  const commit = await fetchCommit(git, ref ?? 'HEAD', depth, context)
  return sendCommit(sandbox, git, commit, context)
}

/** Sends a commit of a repository of this host. @throws {SourceError} {@link UnsafeArchiveError} */
export async function sendCommit(
  sandbox: ContainerSandbox,
  git: Git,
  commit: string,
  { workspace, maxBytes, maxEntries, signal }: SourceContext,
): Promise<PlacedSource> {
  const checkout = await openCheckout(git, commit, { maxBytes, maxEntries })
  const packing = packCheckout(git, checkout)
  try {
    // What the packing waits for are commands of git on this host's own files, which end by themselves.
    const stream = pulledStream(packing, () => undefined)
    await sandbox.fs.uploadPacked(stream, workspace, signal)
  } finally {
    // One that still wrote into the repository would keep it from being removed.
    await packing.return()
  }
  const { entries, bytes } = checkout.count
  return { entries, bytes, commit }
}
