/** The two forms in which an engine takes a new image: a build context, and an archive as `docker save` writes it. */
import { createHash } from 'node:crypto'
import type { ImageFacts } from '../driver/driver.js'
import { memoryFile } from './host-files.js'
import { packEntries, type Layer, type LayerEntry } from './tar-layer.js'

/** A build context: a Dockerfile and the layers that it adds, each as `<name>.tar`. */
export function buildContext(
  dockerfile: string,
  layers: Readonly<Record<string, Layer>>,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const entries = Object.entries(layers).map(([name, layer]) => layerFile(`${name}.tar`, layer, signal))
  return packEntries([memoryFile('Dockerfile', dockerfile, 0o644), ...entries], signal)
}

/** What the image made of a base and one more layer is to be. */
export interface LayeredImage {
  readonly base: ImageFacts
  readonly layer: Layer
  /** The layer's SHA-256 in hex. */
  readonly digest: string
  readonly tag: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * An archive with the new layer alone. The base's layers are only named: an engine that stores layers by chain id takes
 * those from its store (moby, image/tarexport/load.go: a layer's file is read only when the chain id is unknown). Others
 * refuse the archive.
 *
 * The configuration is made here, so a base's entry point, command, user, health check, triggers and volumes do not carry
 * over. Its time is fixed: the same parts have the same content id on every engine.
 */
export function layeredArchive(image: LayeredImage, signal: AbortSignal): AsyncIterable<Buffer> {
  const configuration = JSON.stringify({
    architecture: image.base.architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: Object.entries(image.base.env).map(([name, value]) => `${name}=${value}`),
      Labels: image.labels,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [...image.base.layers, `sha256:${image.digest}`] },
    history: [],
  })
  const id = createHash('sha256').update(configuration).digest('hex')
  const manifest = JSON.stringify([
    {
      Config: `${id}.json`,
      RepoTags: [image.tag],
      Layers: [...image.base.layers.map((layer) => `${layer.replace('sha256:', '')}.tar`), 'layer.tar'],
    },
  ])
  return packEntries(
    [
      layerFile('layer.tar', image.layer, signal),
      memoryFile(`${id}.json`, configuration, 0o644),
      memoryFile('manifest.json', manifest, 0o644),
    ],
    signal,
  )
}

function layerFile(name: string, layer: Layer, signal: AbortSignal): LayerEntry {
  return { ...memoryFile(name, '', 0o644), size: layer.sizeBytes, content: () => layer.open(signal) }
}
