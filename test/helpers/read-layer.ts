/** Layers as an independent parser reads them. */
import { extract, type Header } from 'tar-stream'
import type { Layer } from '../../src/image/tar-layer.js'

export type ReadEntry = Header & { readonly content: Buffer }

export async function layerBytes(layer: Layer): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of layer.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** @returns the entries in their order, contents included. */
export async function readLayer(layer: Layer): Promise<ReadEntry[]> {
  const parser = extract()
  parser.end(await layerBytes(layer))
  const entries: ReadEntry[] = []
  for await (const entry of parser) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    entries.push({ ...entry.header, content: Buffer.concat(chunks) })
  }
  return entries
}
