import { isAbsolute, relative } from 'node:path'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ImageFacts, ImageStore } from '../../../src/driver/driver.js'
import { ImageError, InvalidOptionsError } from '../../../src/errors.js'
import { imageLabels, imageTag, MADE_AT_LABEL } from '../../../src/image/image-labels.js'
import { parseAptProxies } from '../../../src/image/toolchain-bootstrap.js'
import { openToolchainFolder } from '../../../src/image/toolchain-folder.js'
import { toolchainRecipe } from '../../../src/image/toolchain-recipe.js'
import { newestToolchain } from '../../../src/image/toolchain.js'
import { parseToolchainOptions, TOOLCHAIN_PACKAGES } from '../../../src/options/index.js'

const plain = { suite: 'bookworm', mirror: null, packages: [] }

describe('toolchainRecipe', () => {
  test('has one key for one choice, whatever its order, and another for every other', () => {
    const { key } = toolchainRecipe(plain)
    expect(toolchainRecipe({ ...plain, packages: ['gcc'] }).key).toBe(key)
    const [ab, ba] = [
      ['g++', 'cmake'],
      ['cmake', 'g++'],
    ].map((packages) => toolchainRecipe({ ...plain, packages }).key)
    expect(ab).toBe(ba)
    const others = [{ suite: 'trixie' }, { packages: ['g++'] }, { mirror: 'http://mirror.test/debian' }]
    const keys = others.map((other) => toolchainRecipe({ ...plain, ...other }).key)
    expect(new Set([key, ab, ...keys]).size).toBe(5)
  })

  test('names suite, packages and mirror in arguments of their own, the archive on stdout', () => {
    const mirror = 'http://mirror.test/debian'
    const { packages, arguments: list } = toolchainRecipe({ suite: 'trixie', mirror, packages: ['g++'] })
    expect(packages).toEqual([...TOOLCHAIN_PACKAGES, 'g++'].sort())
    expect(list().slice(-3)).toEqual(['trixie', '-', mirror])
    expect(list()).toContain(`--include=${packages.join(',')}`)
    expect(list().filter((argument) => argument.startsWith('--keyring='))).toHaveLength(1)
    expect(toolchainRecipe(plain).arguments().slice(-2)).toEqual(['bookworm', '-'])
  })
})

describe('parseToolchainOptions', () => {
  test('has defaults, and sorts packages', () => {
    expect(parseToolchainOptions()).toMatchObject({ suite: 'bookworm', mirror: null, packages: [], timeoutMs: 900_000 })
    expect(parseToolchainOptions({ packages: ['g++', 'cmake', 'g++'] }).packages).toEqual(['cmake', 'g++'])
    for (const mirror of ['http://deb.debian.org/debian', 'https://10.0.0.1:8080/a/b?c=d']) {
      expect(parseToolchainOptions({ mirror }).mirror).toBe(mirror)
    }
  })

  // What mmdebstrap or apt would take for an option, a file, a pattern, or a second line of sources.list.
  test.each([
    ['suite', ['', '-q', 'a b', 'Bookworm', 'bookworm\nx', '../x', 'x'.repeat(40), 12]],
    [
      'packages',
      ['gcc', ['-y'], ['a,b'], ['a b'], ['./x.deb'], ['/x'], ['?essential'], ['gcc-'.padEnd(101, 'x')], ['GCC'], [1]],
    ],
    [
      'mirror',
      ['', 'file:///x', '/x', 'deb http://x y z', 'http://x y', 'http://x\ny', 'http://[x', 'http://a:b@x/', '-'],
    ],
    ['timeoutMs', [0, 999, Infinity, '1000']],
  ])('refuses another %s', (name, values) => {
    for (const value of values) {
      expect(() => parseToolchainOptions({ [name]: value }), JSON.stringify(value)).toThrow(InvalidOptionsError)
    }
  })

  test('refuses what it does not know', () => {
    expect(() => parseToolchainOptions({ release: 'bookworm' })).toThrow(InvalidOptionsError)
  })
})

test('parseAptProxies takes over what apt.conf(5) names', () => {
  const dump = [
    'Acquire::http::Proxy "http://user:word@proxy.test:3142/";',
    'Acquire::http::Proxy::deb.debian.org "DIRECT";',
    'Acquire::https::Proxy "DIRECT";',
    'Acquire::http::ProxyX "no";',
    'Acquire::ftp::Proxy "no";',
  ].join('\n')
  expect(parseAptProxies(dump)).toEqual({ http_proxy: 'http://user:word@proxy.test:3142/', https_proxy: '' })
  expect(parseAptProxies('')).toEqual({})
})

describe('openToolchainFolder', () => {
  afterEach(() => void vi.unstubAllEnvs())

  // mmdebstrap works in `/`.
  test.each(['', relative(process.cwd(), tmpdir())])('is absolute with the TMPDIR %j', async (value) => {
    vi.stubEnv('TMPDIR', value)
    await using folder = await openToolchainFolder()
    expect(isAbsolute(folder.path)).toBe(true)
  })
})

describe('newestToolchain', () => {
  const image = (key: string, madeAt: string, tags = [imageTag('toolchain', key)]): ImageFacts => ({
    ...{
      id: `sha256:${key}`,
      tags,
      env: {},
      volumes: [],
      onBuild: [],
      sizeBytes: 1,
      layers: [],
      architecture: 'amd64',
    },
    labels: imageLabels('toolchain', key, { [MADE_AT_LABEL]: madeAt }),
  })
  const storeOf = (...images: ImageFacts[]): ImageStore =>
    ({ list: () => Promise.resolve(images) }) as Partial<ImageStore> as ImageStore

  test('is the one that was made last', async () => {
    const store = storeOf(image('a', '2026-01-01T00:00:00Z'), image('c', '2026-03-01T00:00:00Z'), image('b', ''))
    expect(await newestToolchain(store)).toBe('sha256:c')
  })

  test('is none of the images that somebody built on a toolchain', async () => {
    const theirs = image('a', '2026-09-01T00:00:00Z', ['theirs:1'])
    const ours = image('b', '2026-01-01T00:00:00Z', ['localhost/container-sandbox/toolchain:b'])
    expect(await newestToolchain(storeOf(theirs, ours))).toBe('sha256:b')
    await expect(newestToolchain(storeOf(theirs))).rejects.toThrow(ImageError)
  })

  test('says how to make one when there is none', async () => {
    await expect(newestToolchain(storeOf())).rejects.toThrow(/run container-sandbox image toolchain/)
  })
})
