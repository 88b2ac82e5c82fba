import { execFileSync } from 'node:child_process'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { layeredArchive } from '../../../src/image/image-archive.js'
import { ImageBuilder, type PreparedImage } from '../../../src/image/image-builder.js'
import { GUEST_PATHS } from '../../../src/image/sandbox-layer.js'
import { buildLayer, digestLayer } from '../../../src/image/tar-layer.js'
import { MUSL_GREETING, testBase, type TestBase } from '../../helpers/bases.js'
import { PlainImageStore } from '../../helpers/plain-image-store.js'

const STRICT = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none', '--user', '200000:200000']
const OWNER = { uid: 200_000, gid: 200_000 }

function run(image: PreparedImage, argv: readonly string[]): string {
  return execFileSync('docker', ['run', ...STRICT, image.reference, ...argv], { encoding: 'utf8' })
}

describe.each<TestBase>(['musl', 'empty', 'debian'])('/.sandbox on the %s base', (name) => {
  const store = new PlainImageStore()

  it.each(['load', 'build'] as const)('runs node through its own loader, put there by %s', async (method) => {
    const base = testBase(name)
    const builder = new ImageBuilder({ store, method })
    await forget(store, base)
    const image = await builder.ensure({ base, home: null, ...OWNER })
    expect(image.built).toBe(true)
    const script =
      "const maps = fs.readFileSync('/proc/self/maps', 'utf8').match(/\\/\\S+$/gm); console.log(process.getuid(), maps.every((file) => file.startsWith('/.sandbox/')))"
    const argv = ['--inhibit-cache', '--library-path', GUEST_PATHS.libraries, GUEST_PATHS.node, '-e', script]
    expect(run(image, [GUEST_PATHS.loader, ...argv]).trim()).toBe('200000 true')
    const again = await builder.ensure({ base, home: null, ...OWNER })
    expect(again).toEqual({ ...image, built: false })
  })

  it('keeps what the base has', async () => {
    const image = await new ImageBuilder({ store }).ensure({ base: testBase(name), home: null, ...OWNER })
    if (name === 'musl') {
      expect(run(image, ['/bin/hello']).trim()).toBe(MUSL_GREETING)
      expect(image.env['GREETING']).toBe('musl')
    }
    if (name === 'debian')
      expect(run(image, ['sh', '-c', 'id -u; dpkg --version | head -1'])).toMatch(/^200000\nDebian/)
  })
})

describe('bases that are refused', () => {
  const store = new PlainImageStore()
  const builder = new ImageBuilder({ store })
  const ensure = (base: string): Promise<PreparedImage> => builder.ensure({ base, home: null, ...OWNER })

  /** An image on the empty base with some instructions more. */
  function derived(name: string, lines: string, base = testBase('empty')): string {
    const tag = `container-sandbox-test/${name}:1`
    const input = `FROM ${base}\n${lines}\n`
    execFileSync('docker', ['build', '--quiet', '--tag', tag, '-'], {
      input,
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    })
    return tag
  }

  it('one that is not there, with how to get it', async () => {
    const failure = await ensure('container-sandbox-test/none:1').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ImageError)
    expect((failure as Error).message).toContain('docker pull container-sandbox-test/none:1')
  })

  it('one with ONBUILD', async () => {
    await expect(ensure(derived('onbuild', 'ONBUILD RUN rm -rf /'))).rejects.toThrow(/ONBUILD.*rm -rf/)
  })

  it('one for another architecture', async () => {
    const empty = await store.inspect(testBase('empty'))
    if (empty === null) throw new Error('the empty base is missing')
    const tag = 'container-sandbox-test/s390x:1'
    const layer = buildLayer([])
    const base = { ...empty, architecture: 's390x' }
    const image = { base, layer, digest: await digestLayer(layer), tag, labels: {} }
    await store.load(Readable.from(layeredArchive(image, new AbortController().signal)))
    await expect(ensure(tag)).rejects.toThrow(/is made for s390x/)
  })

  it('one with a /.sandbox of its own', async () => {
    await expect(ensure(derived('own', 'WORKDIR /.sandbox/lib'))).rejects.toThrow(/has a \/\.sandbox of its own/)
  })

  it('not one with volumes: a loaded image does not have them, a built one reports them', async () => {
    const base = derived('volumes', 'VOLUME /data /logs')
    await forget(store, base)
    const loaded = await new ImageBuilder({ store, method: 'load' }).ensure({ base, home: null, ...OWNER })
    expect(loaded.volumes).toEqual([])
    await forget(store, base)
    const built = await new ImageBuilder({ store, method: 'build' }).ensure({ base, home: null, ...OWNER })
    expect(built.volumes).toEqual(['/data', '/logs'])
    await forget(store, base)
  })

  it('follows a tag that was moved', async () => {
    const first = await ensure(derived('moving', 'ENV WHICH=first'))
    const second = await ensure(derived('moving', 'ENV WHICH=second'))
    expect([first.env['WHICH'], second.env['WHICH']]).toEqual(['first', 'second'])
  })
})

/** Removes what was made of a base, so that the next call makes it again. */
async function forget(store: PlainImageStore, base: string): Promise<void> {
  const facts = await store.inspect(base)
  const made = await store.list({ 'container-sandbox.image-kind': 'base' })
  for (const image of made) {
    const onBase = facts !== null && facts.layers.every((layer, index) => image.layers[index] === layer)
    if (onBase && image.layers.length === facts.layers.length + 1) await store.remove(image.id)
  }
}
