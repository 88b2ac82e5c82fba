import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  CapacityError,
  ContainerSandbox,
  GuestFileError,
  InvalidOptionsError,
  SandboxError,
  SandboxExitedError,
} from '../../../src/index.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

const MIB = 1024 * 1024
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let sandbox: ContainerSandbox
beforeAll(async () => {
  sandbox = await ContainerSandbox.create({
    writable: ['/work'],
    limits: { memoryBytes: '512MiB', scratchBytes: '128MiB' },
  })
})
afterAll(() => sandbox.kill())
beforeEach(async () => {
  await sandbox.shell('rm -rf /work/* /work/.??*; chmod 755 /work')
})

describe('one file', () => {
  it.each<[string, string | Uint8Array]>([
    ['a text', 'zażółć gęślą jaźń\n'],
    ['nothing', ''],
    ['every byte', Uint8Array.from({ length: 256 }, (_, index) => index)],
    ['a slice of a larger buffer', Buffer.from('0123456789').subarray(3, 7)],
  ])('holds %s', async (_name, data) => {
    await sandbox.fs.writeFile('/work/file', data)
    expect(await sandbox.fs.readFile('/work/file')).toEqual(Buffer.from(data))
    if (typeof data === 'string') expect(await sandbox.fs.readFile('/work/file', 'utf8')).toBe(data)
    expect(await sandbox.fs.readFile('/work/file', { encoding: 'hex' })).toBe(Buffer.from(data).toString('hex'))
  })

  it('of 50 MiB comes back as it went', async () => {
    const data = randomBytes(50 * MIB)
    await sandbox.fs.writeFile('/work/big', data)
    const { stdout } = await sandbox.shell('sha256sum < /work/big')
    expect(stdout.slice(0, 64)).toBe(digest(data))
    expect(digest(await sandbox.fs.readFile('/work/big'))).toBe(digest(data))
  })

  it('is written from streams and iterables', async () => {
    await sandbox.fs.writeFile('/work/stream', Readable.from([Buffer.from('one '), Buffer.from('two')]))
    const parts = (async function* () {
      yield 'three '
      await Promise.resolve()
      yield Buffer.from('four')
    })()
    await sandbox.fs.writeFile('/work/iterable', parts)
    expect(await sandbox.fs.readFile('/work/stream', 'utf8')).toBe('one two')
    expect(await sandbox.fs.readFile('/work/iterable', 'utf8')).toBe('three four')
  })

  it('fails with the error of its source, not with what the guest says of it', async () => {
    const broken = new Readable({ read: () => undefined })
    const writing = rejection(sandbox.fs.writeFile('/work/broken', broken))
    broken.push('some')
    setTimeout(() => broken.destroy(new Error('the source broke')), 50)
    expect(await writing).toMatchObject({ message: 'the source broke' })
    await sandbox.ping()
  })

  it('is replaced, or appended to; a new one has the mode that is asked for', async () => {
    await sandbox.fs.writeFile('/work/file', 'long content')
    await sandbox.fs.writeFile('/work/file', 'short')
    await sandbox.fs.appendFile('/work/file', ' more')
    await sandbox.fs.appendFile('/work/new', 'made')
    expect(await sandbox.fs.readFile('/work/file', 'utf8')).toBe('short more')
    expect(await sandbox.fs.readFile('/work/new', 'utf8')).toBe('made')
    await sandbox.fs.writeFile('/work/tool', '#!/bin/sh\necho works\n', { mode: 0o755 })
    expect(await sandbox.run('/work/tool')).toMatchObject({ stdout: 'works\n' })
    expect((await sandbox.fs.stat('/work/tool')).mode & 0o7777).toBe(0o755)
  })

  it('has any name that a file can have', async () => {
    const names = [
      'new\nline',
      'qu"o\'te',
      'back\\slash',
      'żółw 😀',
      ' space ',
      '-rf',
      '$(id)',
      '%s',
      'n'.repeat(255),
      '\u0001',
      '__proto__',
    ]
    for (const name of names) await sandbox.fs.writeFile(`/work/${name}`, name)
    expect((await sandbox.fs.readdir('/work')).map((entry) => entry.name).sort()).toEqual([...names].sort())
    for (const name of names) {
      expect(await sandbox.fs.readFile(`/work/${name}`, 'utf8')).toBe(name)
      await sandbox.fs.rm(`/work/${name}`)
    }
    expect(await sandbox.fs.readdir('/work')).toEqual([])
  })
})

describe('folders and facts', () => {
  it('are as node:fs has them', async () => {
    await sandbox.fs.mkdir('/work/a/b/c', { recursive: true })
    await sandbox.fs.mkdir('/work/a/b/c', { recursive: true })
    await sandbox.fs.mkdir('/work/private', { mode: 0o700 })
    await sandbox.fs.writeFile('/work/a/file', 'x'.repeat(1_000))
    await sandbox.shell('cd /work/a; ln -s file link; ln -s nowhere dangling; mkfifo fifo')
    expect(await sandbox.fs.readdir('/work/a')).toEqual([
      { name: 'b', type: 'directory' },
      { name: 'dangling', type: 'symlink' },
      { name: 'fifo', type: 'fifo' },
      { name: 'file', type: 'file' },
      { name: 'link', type: 'symlink' },
    ])
    const { uid } = sandbox.user!
    expect(await sandbox.fs.stat('/work/a/link')).toMatchObject({ type: 'file', size: 1_000, uid, gid: uid })
    expect(await sandbox.fs.lstat('/work/a/link')).toMatchObject({ type: 'symlink' })
    expect(await sandbox.fs.stat('/dev/null')).toMatchObject({ type: 'device' })
    expect((await sandbox.fs.stat('/work/private')).mode & 0o777).toBe(0o700)
    await sandbox.fs.rm('/work/a', { recursive: true })
    await sandbox.fs.rm('/work/a', { force: true })
    expect(await sandbox.fs.readdir('/work')).toEqual([{ name: 'private', type: 'directory' }])
  })

  it.each<[string, string, (fs: ContainerSandbox['fs']) => Promise<unknown>]>([
    ['a missing file', 'ENOENT', (fs) => fs.readFile('/work/missing')],
    ['a missing file in stat', 'ENOENT', (fs) => fs.stat('/work/missing')],
    ['a missing folder', 'ENOENT', (fs) => fs.readdir('/work/missing')],
    ['a folder as a file', 'EISDIR', (fs) => fs.readFile('/work')],
    ['a folder to write to', 'EISDIR', (fs) => fs.writeFile('/work', 'x')],
    ['a file as a folder', 'ENOTDIR', (fs) => fs.readdir('/etc/passwd')],
    ['a path through a file', 'ENOTDIR', (fs) => fs.readFile('/etc/passwd/x')],
    ['a folder that is there', 'EEXIST', (fs) => fs.mkdir('/work')],
    ['a folder without its parent', 'ENOENT', (fs) => fs.mkdir('/work/no/parent')],
    ['removing what is not there', 'ENOENT', (fs) => fs.rm('/work/missing')],
    ['a write outside what is writable', 'EROFS', (fs) => fs.writeFile('/etc/passwd', 'x')],
    ['a new file outside what is writable', 'EROFS', (fs) => fs.writeFile('/new', 'x')],
    ['a folder outside what is writable', 'EROFS', (fs) => fs.mkdir('/etc/x')],
    ['removal outside what is writable', 'EROFS', (fs) => fs.rm('/etc/passwd')],
    ['the memory of init', 'EACCES', (fs) => fs.readFile('/proc/1/environ')],
    ['the loader of the supervisor', 'EACCES', (fs) => fs.readFile('/.sandbox/lib/ld.so')],
  ])('%s is %s', async (_name, code, act) => {
    const error = await rejection(act(sandbox.fs))
    expect(error).toBeInstanceOf(GuestFileError)
    expect(error).toMatchObject({
      code,
      syscall: expect.any(String) as string,
      path: expect.stringContaining('/') as string,
    })
    expect((error as Error).message).toMatch(new RegExp(`^${code}: \\w+ '/`))
  })

  it('a FIFO, a device and a socket never hold a call', async () => {
    await sandbox.shell('mkfifo /work/fifo')
    for (const path of ['/work/fifo', '/dev/zero', '/dev/null']) {
      expect(await rejection(sandbox.fs.readFile(path))).toMatchObject({ code: 'EINVAL' })
    }
    // ENXIO: a FIFO that nobody reads cannot be opened for writing without waiting (fifo(7)).
    expect(await rejection(sandbox.fs.writeFile('/work/fifo', 'x'))).toMatchObject({ code: 'ENXIO' })
    expect(await rejection(sandbox.fs.writeFile('/dev/null', 'x'))).toMatchObject({ code: 'EINVAL' })
  })

  it('a loop of links ends', async () => {
    await sandbox.shell('cd /work; ln -s b a; ln -s a b')
    expect(await rejection(sandbox.fs.readFile('/work/a'))).toMatchObject({ code: 'ELOOP' })
  })
})

describe('limits', () => {
  it('maxBytes holds, and the stream of a larger file is given up', async () => {
    await sandbox.fs.writeFile('/work/file', Buffer.alloc(20 * MIB))
    expect(await rejection(sandbox.fs.readFile('/work/file', { maxBytes: 1_000 }))).toBeInstanceOf(CapacityError)
    expect(await rejection(sandbox.fs.readFile('/work/file', { maxBytes: 20 * MIB - 1 }))).toBeInstanceOf(CapacityError)
    expect((await sandbox.fs.readFile('/work/file', { maxBytes: '20MiB' })).length).toBe(20 * MIB)
    expect((await sandbox.fs.readFile('/etc/passwd', { maxBytes: 10_000 })).length).toBeGreaterThan(0)
  })

  it('a full disk is ENOSPC, whoever fills it', async () => {
    expect(await rejection(sandbox.fs.writeFile('/work/full', Buffer.alloc(129 * MIB)))).toMatchObject({
      code: 'ENOSPC',
    })
    await sandbox.fs.rm('/work/full')
    await sandbox.fs.writeFile('/work/fits', Buffer.alloc(MIB))
  })

  it('an abort ends a transfer on both sides', async () => {
    const reason = new Error('enough')
    await sandbox.fs.writeFile('/work/file', Buffer.alloc(50 * MIB))
    expect(await rejection(sandbox.fs.readFile('/work/file', { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const abort = new AbortController()
    const reading = rejection(sandbox.fs.readFile('/work/file', { signal: abort.signal }))
    setTimeout(() => abort.abort(reason), 10)
    expect(await reading).toBe(reason)
    const writing = new AbortController()
    const endless = new Readable({ read: () => undefined })
    const written = rejection(sandbox.fs.writeFile('/work/endless', endless, { signal: writing.signal }))
    endless.push('begun')
    setTimeout(() => writing.abort(reason), 50)
    expect(await written).toBe(reason)
    expect(endless.destroyed).toBe(true)
    expect((await sandbox.fs.readFile('/work/file')).length).toBe(50 * MIB)
  })

  it('many calls at once are answered or refused, and harm nothing', async () => {
    await sandbox.fs.writeFile('/work/small', 'small')
    const calls = await Promise.allSettled([
      ...Array.from({ length: 1_500 }, () => sandbox.fs.readFile('/work/small', 'utf8')),
      ...Array.from({ length: 500 }, () => sandbox.run('true')),
    ])
    for (const call of calls) if (call.status === 'rejected') expect(call.reason).toBeInstanceOf(SandboxError)
    expect(calls.some((call) => call.status === 'rejected' && call.reason instanceof CapacityError)).toBe(true)
    expect(calls.filter((call) => call.status === 'fulfilled').length).toBeGreaterThan(300)
    expect(await sandbox.fs.readFile('/work/small', 'utf8')).toBe('small')
    expect(await sandbox.run('echo', ['x'])).toMatchObject({ stdout: 'x\n' })
  })

  it('wrong arguments never reach the guest', async () => {
    const { fs } = sandbox
    const calls: (() => Promise<unknown>)[] = [
      () => fs.readFile('relative'),
      () => fs.readFile('/a\0b'),
      () => fs.readFile(''),
      () => fs.readFile(`/${'x'.repeat(5_000)}`),
      () => fs.readFile('/x', { maxBytes: -1 }),
      () => fs.readFile('/x', { maxBytes: '1MB' }),
      () => fs.readFile('/x', { encoding: 'utf9' as 'utf8' }),
      () => fs.readFile('/x', { maxbytes: 1 } as object),
      () => fs.writeFile('/x', 5 as unknown as string),
      () => fs.writeFile('/x', 'x', { mode: 0o10000 }),
      () => fs.writeFile('/x', 'x', { mode: '755' as unknown as number }),
      () => fs.mkdir('/x', { recursive: 1 as unknown as boolean }),
      () => fs.rm('/x', { recursve: true } as object),
      () => fs.upload('', '/x'),
      () => fs.upload('a\0b', '/x'),
      () => fs.download('/x', 'a\0b'),
      () => fs.download('/x', '/tmp/x', { maxEntries: 0 }),
    ]
    for (const call of calls) expect(await rejection(call()), String(call)).toBeInstanceOf(InvalidOptionsError)
    await sandbox.ping()
  })
})

describe('the end of the sandbox', () => {
  it('is what every pending file call gets', async () => {
    await withSandbox({ limits: { scratchBytes: '128MiB' } }, async (dying) => {
      await dying.fs.writeFile('/tmp/file', Buffer.alloc(100 * MIB))
      const endless = new Readable({ read: () => undefined })
      endless.push('x')
      const pending = [
        dying.fs.readFile('/tmp/file', { maxBytes: '1GiB' }),
        dying.fs.writeFile('/tmp/endless', endless),
        dying.fs.rm('/tmp/nothing').catch((error: unknown) => {
          if (error instanceof GuestFileError)
            throw new SandboxExitedError('', { exitCode: null, signal: null, reason: 'killed' })
          throw error
        }),
      ].map(rejection)
      await dying.kill()
      for (const error of await Promise.all(pending)) expect(error).toBeInstanceOf(SandboxExitedError)
      expect(endless.destroyed).toBe(true)
    })
  })
})
