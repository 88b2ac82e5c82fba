import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/docker-driver.js'
import type { ImageStore } from '../../../src/driver/driver.js'
import { HomeError } from '../../../src/errors.js'
import { ImageBuilder, type PreparedImage } from '../../../src/image/image-builder.js'
import { PlainImageStore } from '../../helpers/plain-image-store.js'

const OWNER = { uid: 200_300, gid: 200_300 }

/** More than is kept in memory between the digest and the sending. */
const LARGE_BYTES = 24 * 1024 * 1024

/** An engine whose load does something else first. */
class InterceptedStore extends PlainImageStore {
  onLoad: () => void = () => undefined
  /** Resolves when the last load is over, however it ended. */
  loaded: Promise<unknown> = Promise.resolve()
  override async load(archive: Readable, signal?: AbortSignal): Promise<readonly string[]> {
    this.onLoad()
    const loading = super.load(archive, signal)
    this.loaded = loading.catch(() => undefined)
    return loading
  }
}

describe('when making an image goes wrong', () => {
  const store = new InterceptedStore()
  const driver = new DockerDriver({})
  const made = new Set<string>()
  const folders: string[] = []
  let home: string

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'))
    folders.push(home)
    writeFileSync(join(home, 'unique'), home)
    store.onLoad = () => undefined
    store.requests.length = 0
  })
  afterAll(async () => {
    for (const folder of folders) rmSync(folder, { recursive: true })
    for (const reference of made) await store.remove(reference)
    await driver.close()
  })

  async function ensure(builder: ImageBuilder, signal?: AbortSignal): Promise<PreparedImage> {
    const image = await builder.ensure({ base: 'runner', home, ...OWNER, signal })
    made.add(image.reference)
    return image
  }

  it('builds on an engine that refuses an archive without the layers of the base, and asks it once only', async () => {
    store.onLoad = () => {
      store.requests.push('refused')
      throw new Error('invalid archive: missing blobs')
    }
    const builder = new ImageBuilder({ store })
    await builder.ensure({ base: 'runner', home: null, ...OWNER })
    store.requests.length = 0
    expect(await ensure(builder)).toMatchObject({ built: true })
    writeFileSync(join(home, 'unique'), `${home} changed`)
    expect(await ensure(builder)).toMatchObject({ built: true })
    expect(store.requests.filter((request) => request !== 'inspect')).toEqual(['refused', 'build', 'build'])
  })

  it.each<[string, (onLoad: () => void) => ImageStore]>([
    [
      'plain dockerode',
      (onLoad) => {
        store.onLoad = onLoad
        return store
      },
    ],
    [
      'the driver',
      (onLoad) => ({
        inspect: (...args) => driver.images.inspect(...args),
        build: (...args) => driver.images.build(...args),
        list: (...args) => driver.images.list(...args),
        remove: (...args) => driver.images.remove(...args),
        load: (...args) => {
          onLoad()
          return driver.images.load(...args)
        },
      }),
    ],
  ])('ends at once, retryably, when a file changes while it is sent through %s', async (_, makeStore) => {
    // prettier-ignore
    writeFileSync(join(home, 'large'), Buffer.alloc(LARGE_BYTES, 'x'))
    let changes = 1
    const builder = new ImageBuilder({
      store: makeStore(() => {
        if (changes-- > 0) appendFileSync(join(home, 'large'), 'y')
      }),
    })
    await builder.ensure({ base: 'runner', home: null, ...OWNER })
    const start = performance.now()
    const error = await ensure(builder).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(HomeError)
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('large') as string })
    expect(performance.now() - start).toBeLessThan(10_000)
    expect(await ensure(builder)).toMatchObject({ built: true })
  })

  it('leaves no image behind when the only caller aborts', async () => {
    writeFileSync(join(home, 'large'), Buffer.alloc(LARGE_BYTES, 'z'))
    const controller = new AbortController()
    store.onLoad = () => {
      controller.abort(new Error('changed my mind'))
    }
    await expect(ensure(new ImageBuilder({ store }), controller.signal)).rejects.toThrow('changed my mind')
    await store.loaded
    store.onLoad = () => undefined
    expect(await ensure(new ImageBuilder({ store }))).toMatchObject({ built: true })
    expect(await ensure(new ImageBuilder({ store }))).toMatchObject({ built: false })
  })
})
