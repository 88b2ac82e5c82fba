import type { ResolvedBuildSource } from '../../options/index.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import type { PlacedSource, SourceContext } from './source-context.js'

/** A folder of this host. */
export type FolderSource = Extract<ResolvedBuildSource, { readonly folder: string }>

/**
 * Sends a folder. Modes and times are kept, so that make finds nothing to do that was done before; links stay links and are
 * never followed, and what is no file, folder or link is left out. The folder may change meanwhile: docs of `fs.upload`.
 * @throws {InvalidOptionsError} {@link HostFileError} {@link CapacityError}
 */
export async function placeFolder(
  sandbox: ContainerSandbox,
  { folder }: FolderSource,
  { workspace, maxBytes, maxEntries, signal }: SourceContext,
): Promise<PlacedSource> {
  const { entries, bytes } = await sandbox.fs.upload(folder, workspace, {
    maxBytes,
    maxEntries,
    keepTimes: true,
    signal,
  })
  return { entries, bytes, commit: null }
}
