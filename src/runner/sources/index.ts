/**
 * The source of a build becomes what its workspace holds.
 *
 * Every kind ends as a tar stream through the channel of the sandbox. What is judged, is judged on the host before it goes in:
 * sizes, counts, names and links. Nothing of a source is ever unpacked or run on the host.
 */
import type { ResolvedBuildSource } from '../../options/index.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { placeBundle } from './bundle.js'
import { placeFolder } from './folder.js'
import { placeGit } from './git.js'
import type { PlacedSource, SourceContext } from './source-context.js'
import { sourceFailure } from './source-failure.js'
import { placeTar } from './tar.js'

export type { PlacedSource, SourceContext }

/**
 * Places a source in the workspace. When it fails, what was sent before stays: the workspace is of no use.
 * @throws {SourceError} when the source cannot be had, is too large or does not fit. {@link UnsafeArchiveError} for an entry
 * that may not go in. {@link SandboxExitedError} when the sandbox ends first. The signal's reason when it aborts.
 */
export async function placeSource(
  sandbox: ContainerSandbox,
  source: ResolvedBuildSource,
  context: SourceContext,
): Promise<PlacedSource> {
  try {
    context.signal.throwIfAborted()
    if ('folder' in source) return await placeFolder(sandbox, source, context)
    if ('tar' in source) return await placeTar(sandbox, source, context)
    if ('git' in source) return await placeGit(sandbox, source, context)
    return await placeBundle(sandbox, source, context)
  } catch (error) {
    throw sourceFailure(error, context)
  }
}
