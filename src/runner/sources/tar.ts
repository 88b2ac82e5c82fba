import type { Readable } from 'node:stream'
import { SourceError } from '../../errors.js'
import type { ResolvedBuildSource } from '../../options/index.js'
import { printable } from '../../printable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import type { PlacedSource, SourceContext } from './source-context.js'
import { openSourceFile } from './source-file.js'

/** A tar archive, plain or gzipped. */
export type TarSource = Extract<ResolvedBuildSource, { readonly tar: string | Readable }>

/**
 * Sends what a tar archive holds. The stream is read to its end or destroyed.
 * @throws {UnsafeArchiveError} {@link SourceError} {@link HostFileError}. The stream's own error.
 */
export async function placeTar(
  sandbox: ContainerSandbox,
  { tar }: TarSource,
  { workspace, maxBytes, maxEntries, signal }: SourceContext,
): Promise<PlacedSource> {
  const stream = typeof tar === 'string' ? await openArchive(tar) : usable(tar)
  const { entries, bytes } = await sandbox.fs.uploadArchive(stream, workspace, { maxBytes, maxEntries, signal })
  return { entries, bytes, commit: null }
}

async function openArchive(path: string): Promise<Readable> {
  const file = await openSourceFile(path)
  if (file !== null) return file.createReadStream()
  throw new SourceError(
    `The source '${printable(path, 200)}' is no regular file: give the path of a tar archive, or a stream of one.`,
    { details: { why: 'no regular file' } },
  )
}

/** A stream that was read or destroyed before would look like an archive that ends early, or be waited for. */
function usable(stream: Readable): Readable {
  if (!stream.destroyed && !stream.readableEnded && !stream.readableDidRead) return stream
  throw new SourceError('The stream of the source was read or closed before: every build needs a stream of its own.', {
    details: { why: 'stream is used' },
  })
}
