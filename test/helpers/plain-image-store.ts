/** Images on dockerode alone, with nothing of the driver in it, for tests of what makes images. */
import Docker from 'dockerode'
import type { Readable } from 'node:stream'
import type { ImageBuild, ImageFacts, ImagePath, ImageStore } from '../../src/driver/driver.js'

/** Go's `os.ModeDir` and `os.ModeSymlink`, as they are in `X-Docker-Container-Path-Stat`. */
const GO_DIRECTORY = 2 ** 31
const GO_SYMLINK = 2 ** 27

export class PlainImageStore implements ImageStore {
  /** What was asked of the engine, in order: `inspect`, `build`, `load`. */
  readonly requests: string[] = []
  readonly docker: Docker

  constructor(docker = new Docker()) {
    this.docker = docker
  }

  async inspect(reference: string): Promise<ImageFacts | null> {
    this.requests.push('inspect')
    try {
      return toFacts(await this.docker.getImage(reference).inspect())
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return null
      throw error
    }
  }

  async build(build: ImageBuild, signal?: AbortSignal): Promise<ImageFacts> {
    this.requests.push('build')
    const stream = await this.docker.buildImage(build.context, {
      t: build.tag,
      labels: build.labels,
      rm: true,
      forcerm: true,
      ...(signal === undefined ? {} : { abortSignal: signal }),
    })
    await this.#finished(stream)
    const facts = await this.inspect(build.tag)
    if (facts === null) throw new Error(`${build.tag} was not built`)
    return facts
  }

  async load(archive: Readable, signal?: AbortSignal): Promise<readonly string[]> {
    this.requests.push('load')
    // @types/dockerode lacks `abortSignal`, which dockerode passes on.
    const options = signal === undefined ? {} : { abortSignal: signal }
    const messages = await this.#finished(await this.docker.loadImage(archive, options))
    return messages.map((message) => message.replace(/^Loaded image(?: ID)?: /, '').trim())
  }

  async list(labels: Readonly<Record<string, string>>): Promise<readonly ImageFacts[]> {
    const filter = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
    const images = await this.docker.listImages({ filters: { label: filter } })
    const facts = await Promise.all(images.map(({ Id }) => this.inspect(Id)))
    return facts.filter((image) => image !== null)
  }

  async remove(reference: string): Promise<void> {
    await this.docker.getImage(reference).remove({ force: true })
  }

  async statPaths(reference: string, paths: readonly string[]): Promise<ReadonlyMap<string, ImagePath>> {
    const container = await this.docker.createContainer({ Image: reference, Cmd: ['/'], NetworkDisabled: true })
    try {
      const found = new Map<string, ImagePath>()
      for (const path of paths) {
        const response = (await container.infoArchive({ path }).catch((error: { statusCode?: number }) => {
          if (error.statusCode === 404) return null
          throw error as Error
        })) as unknown as { headers: Record<string, string> } | null
        const header = response?.headers['x-docker-container-path-stat']
        if (header === undefined) continue
        const stat = JSON.parse(Buffer.from(header, 'base64').toString()) as { mode: number; linkTarget: string }
        const has = (bit: number): boolean => Math.floor(stat.mode / bit) % 2 === 1
        const type = has(GO_SYMLINK) ? 'symlink' : has(GO_DIRECTORY) ? 'directory' : 'file'
        found.set(path, { type, link: type === 'symlink' ? stat.linkTarget : null })
      }
      return found
    } finally {
      await container.remove({ force: true, v: true })
    }
  }

  async #finished(stream: NodeJS.ReadableStream): Promise<string[]> {
    const events = await new Promise<{ stream?: string; error?: string }[]>((resolve, reject) => {
      this.docker.modem.followProgress(stream, (error: Error | null, output: { stream?: string; error?: string }[]) => {
        if (error === null) resolve(output)
        else reject(error)
      })
    })
    const failure = events.find(({ error }) => error !== undefined)
    if (failure?.error !== undefined) throw new Error(failure.error)
    return events.flatMap(({ stream: text }) => (text === undefined ? [] : [text]))
  }
}

function toFacts(info: Docker.ImageInspectInfo): ImageFacts {
  const config = info.Config as Docker.ImageInspectInfo['Config'] | null
  return {
    id: info.Id,
    tags: info.RepoTags,
    env: Object.fromEntries(
      (config?.Env ?? []).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
    volumes: Object.keys((config?.Volumes as Record<string, object> | null) ?? {}),
    onBuild: (config?.OnBuild as string[] | null) ?? [],
    labels: (config?.Labels as Record<string, string> | null) ?? {},
    architecture: info.Architecture,
    sizeBytes: info.Size,
    layers: info.RootFS.Layers ?? [],
  }
}
