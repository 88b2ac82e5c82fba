/** Tar archives for tests, good and hostile. */
import { Readable } from 'node:stream'
import { pack, type Header } from 'tar-stream'

export type ArchiveEntry = [
  header: Partial<Header> & Pick<Header, 'name'> & { pax?: Record<string, string> },
  content?: string,
]

export function archiveStream(...entries: readonly ArchiveEntry[]): Readable {
  const stream = pack()
  for (const [header, content = ''] of entries) stream.entry(header, content)
  stream.finalize()
  return Readable.from(stream, { objectMode: false })
}

export async function archiveBytes(...entries: readonly ArchiveEntry[]): Promise<Buffer> {
  return Buffer.concat(await archiveStream(...entries).toArray())
}
