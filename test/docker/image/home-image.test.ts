import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ImageBuilder, type PreparedImage } from '../../../src/image/image-builder.js'
import { GUEST_PATHS } from '../../../src/image/sandbox-layer.js'
import { testBase } from '../../helpers/bases.js'
import { PlainImageStore } from '../../helpers/plain-image-store.js'

const OWNER = { uid: 200_123, gid: 200_124 }
const STRICT = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none', '--user', '200123:200124']

function run(image: PreparedImage, argv: readonly string[]): string {
  return execFileSync('docker', ['run', ...STRICT, image.reference, ...argv], { encoding: 'utf8' })
}

describe('images with a home', () => {
  const store = new PlainImageStore()
  const made = new Set<string>()
  const folders: string[] = []
  let home: string

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'))
    folders.push(home)
    // Content of its own, so that no earlier run's image is found.
    writeFileSync(join(home, 'unique'), home)
    store.requests.length = 0
  })
  afterAll(async () => {
    for (const folder of folders) rmSync(folder, { recursive: true })
    for (const reference of made) await store.remove(reference)
  })

  const write = (path: string, content: string): void => {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), content, { mode: 0o755 })
  }
  async function ensure(builder: ImageBuilder, base = 'runner', signal?: AbortSignal): Promise<PreparedImage> {
    const image = await builder.ensure({ base, home, ...OWNER, signal })
    made.add(image.reference)
    return image
  }

  it.each(['load', 'build'] as const)('has the home at / for the mapped user, put there by %s', async (method) => {
    write('work/hello.sh', '#!/bin/sh\necho hello from $(pwd)\n')
    write('bin/tool', '#!/bin/sh\necho tool\n')
    symlinkSync('/etc/passwd', join(home, 'link'))
    const image = await ensure(new ImageBuilder({ store, method }))
    expect(image.built).toBe(true)
    expect(run(image, ['/work/hello.sh'])).toBe('hello from /\n')
    expect(run(image, ['sh', '-c', 'tool; ls /bin/sh; stat -c "%u:%g %a" /work/hello.sh; readlink /link'])).toBe(
      'tool\n/bin/sh\n200123:200124 755\n/etc/passwd\n',
    )
    expect(store.requests).toContain(method)
  })

  it('stands on the layers of the base, and two users share them', async () => {
    const builder = new ImageBuilder({ store })
    const base = await builder.ensure({ base: 'runner', home: null, ...OWNER })
    const mine = await ensure(builder)
    const yours = await builder.ensure({ base: 'runner', home, uid: 200_200, gid: 200_200 })
    made.add(yours.reference)
    const [baseFacts, ...facts] = await Promise.all([base, mine, yours].map((image) => store.inspect(image.reference)))
    for (const image of facts) {
      expect(image?.layers.slice(0, -1)).toEqual(baseFacts?.layers)
      expect(image?.labels).toMatchObject({ 'container-sandbox.managed': '1', 'container-sandbox.image-kind': 'home' })
    }
    expect(mine.reference).not.toBe(yours.reference)
    expect(mine.env).toEqual(base.env)
  })

  it('is built once for all who ask at the same time, also for two builders', async () => {
    const [one, two] = [new ImageBuilder({ store }), new ImageBuilder({ store })]
    const images = await Promise.all([...Array.from({ length: 5 }, () => ensure(one)), ensure(two)])
    expect(new Set(images.map(({ reference }) => reference)).size).toBe(1)
    expect(store.requests.filter((request) => request === 'load').length).toBe(2)
  })

  it('goes on when one of two who wait aborts', async () => {
    const builder = new ImageBuilder({ store })
    const controller = new AbortController()
    const leaving = ensure(builder, 'runner', controller.signal)
    const staying = ensure(builder)
    setTimeout(() => {
      controller.abort(new Error('left'))
    }, 5)
    await expect(leaving).rejects.toThrow('left')
    expect((await staying).reference).toMatch(/^sha256:/)
  })

  it('costs one question to the engine when nothing changed, and a build when something did', async () => {
    const builder = new ImageBuilder({ store })
    const first = await ensure(builder)
    store.requests.length = 0
    expect(await ensure(builder)).toEqual({ ...first, built: false })
    expect(store.requests).toEqual(['inspect'])
    write('unique', `${home} changed`)
    const changed = await ensure(builder)
    expect(changed).toMatchObject({ built: true })
    expect(changed.reference).not.toBe(first.reference)
  })

  it('goes through the links of any base', async () => {
    write('bin/tool', '#!/bin/sh\necho tool of the home\n')
    const image = await ensure(new ImageBuilder({ store }), testBase('debian'))
    expect(run(image, ['sh', '-c', 'tool && readlink /bin'])).toBe('tool of the home\nusr/bin\n')
  })

  it('works on a base that has nothing', async () => {
    const image = await ensure(new ImageBuilder({ store }), testBase('empty'))
    const argv = ['--inhibit-cache', '--library-path', GUEST_PATHS.libraries, GUEST_PATHS.node]
    expect(run(image, [GUEST_PATHS.loader, ...argv, '-p', "fs.readFileSync('/unique', 'utf8')"])).toBe(`${home}\n`)
  })

  describe('that wants to get into the supervisor', () => {
    const supervisor = [
      GUEST_PATHS.loader,
      '--inhibit-cache',
      '--library-path',
      GUEST_PATHS.libraries,
      GUEST_PATHS.node,
    ]
    const readable = ['/lib64/ld-linux-x86-64.so.2', ...supervisor.slice(1)]

    function compile(path: string): void {
      mkdirSync(join(home, path, '..'), { recursive: true })
      execFileSync('gcc', ['-shared', '-fPIC', '-o', join(home, path), 'test/fixtures/image/constructor.c'])
    }

    it('cannot by etc/ld.so.preload, which the loader of the base obeys', async () => {
      compile('evil.so')
      write('etc/ld.so.preload', '/evil.so\n')
      const image = await ensure(new ImageBuilder({ store }))
      expect(run(image, [...readable, '-p', '1'])).toBe('LOADED\n1\n')
      expect(run(image, [...supervisor, '-p', '1'])).toBe('1\n')
    })

    it('cannot by an openssl.cnf, which node obeys unless told otherwise', async () => {
      compile('evil.so')
      const folder = execFileSync('sh', [
        '-c',
        `strings -a "$0" | sed -n 's/^OPENSSLDIR: "\\(.*\\)"$/\\1/p' | head -1`,
        process.execPath,
      ])
      const lines =
        'nodejs_conf = n\n[n]\nproviders = p\n[p]\ndefault = d\nevil = e\n[d]\nactivate = 1\n[e]\nmodule = /evil.so\nactivate = 1\n'
      write(`${folder.toString().trim()}/openssl.cnf`, lines)
      const image = await ensure(new ImageBuilder({ store }))
      const script = ['-p', "require('node:crypto').createHash('sha256').update('').digest('hex').length"]
      expect(run(image, [...supervisor, ...script])).toContain('LOADED')
      expect(run(image, [...supervisor, `--openssl-config=${GUEST_PATHS.opensslConfig}`, ...script])).toBe('64\n')
    })
  })
})
