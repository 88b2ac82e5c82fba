/**
 * Deterministic tar archives: sorted by path, time 0, given owners. The same entries give the same bytes on every host, so
 * that a digest of the archive is a digest of what is in it.
 */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ImageError } from '../errors.js'
import { printable } from '../printable.js'
import { encodeTarHeader, TAR_BLOCK_BYTES, tarEntryBytes, tarPadding, type TarHeader } from './tar-header.js'

/** One entry and how to get its content. */
export interface LayerEntry extends TarHeader {
  /** Called once per pass; must give exactly `size` bytes. Absent for everything but files. */
  readonly content?: (() => Buffer | AsyncIterable<Buffer>) | undefined
}

/** An archive that can be produced any number of times, always with the same bytes. */
export interface Layer {
  readonly sizeBytes: number
  open(signal?: AbortSignal): AsyncIterable<Buffer>
}

const EMPTY = Buffer.alloc(0)
const CHUNK_BYTES = 128 * 1024
/** For so long at most the packer keeps the event loop of the process to itself. */
const TURN_MS = 5

/**
 * Makes a layer of entries in any order.
 *
 * @throws {ImageError} when two entries have the same path.
 */
export function buildLayer(entries: readonly LayerEntry[]): Layer {
  // One character per byte: strings of that kind sort as their bytes do, and faster.
  const keyed = entries.map((entry) => ({ key: entry.path.toString('latin1'), entry }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const twice = keyed.find(({ key }, index) => index > 0 && keyed[index - 1]?.key === key)
  if (twice !== undefined) throw new ImageError(`Two files of a layer have the path /${printable(twice.entry.path)}.`)
  const sorted = keyed.map(({ entry }) => entry)
  const sizeBytes = sorted.reduce((sum, entry) => sum + tarEntryBytes(entry), 2 * TAR_BLOCK_BYTES)
  return { sizeBytes, open: (signal) => packEntries(sorted, signal) }
}

/**
 * Streams entries in the given order, in chunks of about 128 KiB, without holding the event loop.
 * @throws {ImageError} when a content is not as long as its header says.
 */
export async function* packEntries(entries: Iterable<LayerEntry>, signal?: AbortSignal): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let filled = 0
  let turnStart = performance.now()
  const add = (part: Buffer): void => {
    parts.push(part)
    filled += part.length
  }
  const take = (): Buffer => {
    const chunk = Buffer.concat(parts, filled)
    parts = []
    filled = 0
    return chunk
  }
  for (const entry of entries) {
    if (performance.now() - turnStart > TURN_MS) {
      await nextTurn()
      turnStart = performance.now()
    }
    signal?.throwIfAborted()
    add(encodeTarHeader(entry))
    let given = 0
    const content = entry.content?.() ?? EMPTY
    if (Buffer.isBuffer(content)) {
      given = content.length
      add(content)
    } else {
      for await (const chunk of content) {
        given += chunk.length
        add(chunk)
        if (filled >= CHUNK_BYTES) yield take()
      }
    }
    if (given !== entry.size) {
      throw new ImageError(`/${printable(entry.path)} gave ${given} bytes instead of ${entry.size}.`, {
        retryable: true,
      })
    }
    add(tarPadding(entry.size))
    if (filled >= CHUNK_BYTES) yield take()
  }
  add(Buffer.alloc(2 * TAR_BLOCK_BYTES))
  yield take()
}

/** The SHA-256 of a layer's bytes in hex: what an engine calls its diff id. */
export async function digestLayer(layer: Layer, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of layer.open(signal)) hash.update(chunk)
  return hash.digest('hex')
}
