import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync, linkSync, mkdirSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync,
} from 'node:fs' // prettier-ignore
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HomeError } from '../../../src/errors.js'
import { DEFAULT_HOME_LIMITS, walkHome, type HomeTree } from '../../../src/image/home-walk.js'

describe('walkHome', () => {
  let home: string

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'))
  })
  afterEach(() => {
    rmSync(home, { recursive: true, force: true })
  })

  const write = (path: string, content = ''): string => {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), content)
    return join(home, path)
  }
  const paths = (tree: HomeTree): string[] => tree.files.map(({ path }) => path.toString())
  const failure = async (limits = DEFAULT_HOME_LIMITS): Promise<HomeError> => {
    const error: unknown = await walkHome(home, limits).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(HomeError)
    return error as HomeError
  }

  it('lists files, folders and links, each below its folder, without following links', async () => {
    write('b/c', 'xyz')
    write('a')
    symlinkSync('/etc', join(home, 'out'))
    symlinkSync('loop', join(home, 'loop'))
    symlinkSync('..', join(home, 'b', 'up'))
    const tree = await walkHome(home)
    expect(paths(tree)).toEqual(['a', 'b', 'b/c', 'b/up', 'loop', 'out'])
    expect(tree.files.map(({ type, size }) => `${type} ${size}`).join()).toBe(
      'file 0,directory 0,file 3,symlink 0,symlink 0,symlink 0',
    )
    expect(tree.files.at(-1)?.link?.toString()).toBe(readlinkSync(join(home, 'out')))
  })

  it('takes setuid, setgid and sticky bits away', async () => {
    chmodSync(write('tool'), 0o6755)
    mkdirSync(join(home, 'shared'))
    chmodSync(join(home, 'shared'), 0o3777)
    expect((await walkHome(home)).files.map(({ mode }) => mode.toString(8))).toEqual(['777', '755'])
  })

  it('takes any name, and says it in messages without its control characters', async () => {
    write('a\nb\u001b[31m')
    execFileSync('sh', ['-c', 'printf x > "$(printf \'latin\\351\')"'], { cwd: home })
    const tree = await walkHome(home)
    expect(tree.files.map(({ path }) => path.toString('latin1'))).toEqual(['a\nb\u001b[31m', 'latin\u00e9'])
    execFileSync('mkfifo', [join(home, 'evil\nname\u001b[2J')])
    expect((await failure()).message).toContain('evil\\nname\\u001b[2J (it is a fifo)')
  })

  it.each([
    ['missing', 'does not exist', (path: string) => join(path, 'none')],
    ['a file', 'is not a folder', () => '/etc/passwd'],
  ])('refuses a home that is %s', async (_, message, pick) => {
    await expect(walkHome(pick(home))).rejects.toThrow(HomeError)
    await expect(walkHome(pick(home))).rejects.toThrow(message)
  })

  it('follows links to the home itself', async () => {
    write('a')
    symlinkSync(home, `${home}-link`)
    expect(paths(await walkHome(`${home}-link`))).toEqual(['a'])
    rmSync(`${home}-link`)
  })

  it('names the first devices, sockets and fifos and counts all', async () => {
    for (let index = 0; index < 6; index += 1) execFileSync('mkfifo', [join(home, `fifo${index}`)])
    if (process.getuid?.() === 0) execFileSync('mknod', [join(home, 'device'), 'c', '1', '3'])
    else execFileSync('mkfifo', [join(home, 'device')])
    const server = createServer().listen(join(home, 'a-socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    const { message, details } = await failure()
    server.close()
    expect(message).toContain('a-socket (it is a socket)')
    expect(message).toMatch(/device \(it is a (character device|fifo)\)/)
    expect(message).toContain('and 3 more')
    expect(details['count']).toBe(8)
  })

  it.each([
    '.sandbox',
    '.sandbox/preload',
    'a/.wh.b',
    '.wh..wh..opq',
    '.dockerenv',
    'proc/version',
    'dev/null',
    'sys/x',
    'tmp',
    'etc/hosts/x',
  ])('refuses %s', async (path) => {
    // prettier-ignore
    write(path)
    expect((await failure()).message).toContain(path.replace(/\/(preload|x|b)$/, ''))
  })

  it('leaves out empty folders for what the kernel mounts', async () => {
    for (const name of ['proc', 'sys', 'dev', 'tmp', 'a.sandbox']) mkdirSync(join(home, name))
    expect(paths(await walkHome(home))).toEqual(['a.sandbox', 'tmp'])
  })

  it('honours .sandboxignore, also for what could not be packed', async () => {
    write('.sandboxignore', 'run\nbuild\n!build/keep/this\n.sandbox\n')
    write('.sandbox/x')
    write('build/a/b')
    write('build/keep/that')
    write('build/keep/this')
    mkdirSync(join(home, 'run'))
    execFileSync('mkfifo', [join(home, 'run', 'fifo')])
    expect(paths(await walkHome(home))).toEqual(['.sandboxignore', 'build', 'build/keep', 'build/keep/this'])
    rmSync(join(home, '.sandboxignore'))
    symlinkSync('/etc/passwd', join(home, '.sandboxignore'))
    expect((await failure()).message).toContain('.sandboxignore')
  })

  it('has limits for entries, bytes and depth', async () => {
    write('a', '12345')
    write('b', '12345')
    expect((await failure({ entries: 1, bytes: 100 })).message).toContain('more than 1 entries')
    expect((await failure({ entries: 2, bytes: 9 })).message).toContain('more than 9 bytes')
    expect((await walkHome(home, { entries: 2, bytes: 10 })).files.length).toBe(2)
    execFileSync('mkdir', ['-p', join(home, 'd/'.repeat(300))])
    expect((await failure()).message).toContain('nested deeper than 256')
  })

  it('changes its fingerprint with anything that changes, and only then', async () => {
    const file = write('a', '1')
    write('d/b', '2')
    const seen = new Set<string>()
    const changes = [
      () => undefined,
      () => writeFileSync(file, '3'),
      () => { utimesSync(file, 1, 1) },
      () => { chmodSync(file, 0o600) },
      () => { linkSync(file, join(home, 'c')) },
      () => { renameSync(join(home, 'd/b'), join(home, 'd/e')) },
      () => { symlinkSync('x', join(home, 'l')) },
      () => { write('.sandboxignore', 'nothing') },
    ] // prettier-ignore
    for (const change of changes) {
      await new Promise((resolve) => setTimeout(resolve, 15))
      change()
      const { fingerprint } = await walkHome(home)
      expect((await walkHome(home)).fingerprint).toBe(fingerprint)
      seen.add(fingerprint)
    }
    expect(seen.size).toBe(changes.length)
  })

  it('names a folder or file that this user may not read', () => {
    write('secret/x')
    chmodSync(join(home, 'secret'), 0)
    chmodSync(home, 0o755)
    const script = `
      import { walkHome } from './src/image/home-walk.ts'
      const error = await walkHome(${JSON.stringify(home)}).catch((caught) => caught)
      console.log(error.constructor.name, error.message)
    `
    const stdin = { contents: script, resolveDir: process.cwd() }
    const { outputFiles } = buildSync({
      stdin,
      bundle: true,
      platform: 'node',
      format: 'esm',
      keepNames: true,
      write: false,
    })
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const input = outputFiles[0]?.text
    const output = execFileSync(process.execPath, ['--input-type=module', '-'], { ...nobody, input, encoding: 'utf8' })
    expect(output).toMatch(/^HomeError secret in the home .* cannot be read \(EACCES\)/)
  })

  it('never leads out of the home while somebody exchanges folders for links', async () => {
    write('target/inside')
    const swapper = `
      const fs = require('node:fs'); process.chdir(${JSON.stringify(home)}); fs.symlinkSync('/etc', 'link')
      for (const end = Date.now() + 1500; Date.now() < end; ) {
        try { fs.renameSync('target', 'aside'); fs.renameSync('link', 'target'); fs.renameSync('target', 'link'); fs.renameSync('aside', 'target') } catch {}
      }`
    const swapping = once(spawn(process.execPath, ['-e', swapper]), 'exit')
    let [done, walks] = [false, 0]
    void swapping.then(() => (done = true))
    while (!done) {
      const tree = await walkHome(home).catch((error: unknown) => error)
      walks += 1
      if (tree instanceof HomeError) expect(tree.retryable).toBe(true)
      else expect(paths(tree as HomeTree).filter((path) => /passwd|hosts|fstab/.test(path))).toEqual([])
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(walks).toBeGreaterThan(10)
  })
})
