import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LocalShovel } from '../../helpers/local-shovel.ts'

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

async function write(shovel: LocalShovel, path: string, content: Buffer, more: object = {}): Promise<unknown> {
  const stream = shovel.allotStream()
  const written = shovel.peer.call('fs.writeFile', { path, stream, ...more })
  shovel.sendAll(stream, content)
  return written
}

async function read(shovel: LocalShovel, path: string): Promise<{ size: number; content: Buffer }> {
  const stream = shovel.allotStream()
  const content = shovel.receiveAll(stream)
  content.catch(() => undefined)
  const { size } = (await shovel.peer.call('fs.readFile', { path, stream })) as { size: number }
  return { size, content: await content }
}

test('a file goes in and comes out again, larger than all windows', async () => {
  await using shovel = await LocalShovel.start()
  const path = join(shovel.workDir, 'large')
  const content = randomBytes(5_000_001)
  expect(await write(shovel, path, content, { mode: 0o750 })).toEqual({})
  expect(statSync(path).mode & 0o7777).toBe(0o750)
  const back = await read(shovel, path)
  expect(back.size).toBe(content.length)
  expect(sha256(back.content)).toBe(sha256(content))
})

test('writing again replaces, and appends when asked to', async () => {
  await using shovel = await LocalShovel.start()
  const path = join(shovel.workDir, 'text')
  await write(shovel, path, Buffer.from('long text'))
  await write(shovel, path, Buffer.from('short'))
  await write(shovel, path, Buffer.from('er'), { append: true })
  expect(readFileSync(path, 'utf8')).toBe('shorter')
})

test('a file of /proc, whose size is 0, is read to its end', async () => {
  await using shovel = await LocalShovel.start()
  expect((await read(shovel, '/proc/self/limits')).content.toString()).toContain('Max open files')
})

test('what is no regular file is refused and does not block', async () => {
  await using shovel = await LocalShovel.start()
  const fifo = join(shovel.workDir, 'fifo')
  execFileSync('mkfifo', ['-m', '666', fifo])
  await expect(read(shovel, fifo)).rejects.toMatchObject({ rpcCode: -32012, data: { errno: 'EINVAL', path: fifo } })
  await expect(read(shovel, '/dev/zero')).rejects.toMatchObject({ data: { errno: 'EINVAL' } })
  await expect(read(shovel, shovel.workDir)).rejects.toMatchObject({ data: { errno: 'EISDIR' } })
  await expect(write(shovel, fifo, Buffer.from('x'))).rejects.toMatchObject({ rpcCode: -32012 })
  await expect(write(shovel, '/dev/full', Buffer.from('x'))).rejects.toMatchObject({ data: { errno: 'EINVAL' } })
  expect(shovel.multiplexer.openStreams).toBe(0)
})

test('errors are those of the kernel', async () => {
  await using shovel = await LocalShovel.start()
  const missing = join(shovel.workDir, 'missing')
  await expect(read(shovel, missing)).rejects.toMatchObject({
    data: { errno: 'ENOENT', syscall: 'open', path: missing },
  })
  await expect(write(shovel, '/etc/hostname', Buffer.from('x'))).rejects.toMatchObject({ data: { errno: 'EACCES' } })
  const stat = shovel.peer.call('fs.stat', { path: missing, followLinks: true })
  await expect(stat).rejects.toMatchObject({ data: { errno: 'ENOENT', syscall: 'stat', path: missing } })
})

test('folders are made, listed in order of names, and removed', async () => {
  await using shovel = await LocalShovel.start()
  const deep = join(shovel.workDir, 'a/b')
  await shovel.peer.call('fs.mkdir', { path: deep, recursive: true })
  writeFileSync(join(deep, 'z'), '')
  symlinkSync('z', join(deep, 'link'))
  mkdirSync(join(deep, 'inner'))
  expect(await shovel.peer.call('fs.readdir', { path: deep })).toEqual({
    entries: [
      { name: 'inner', type: 'directory' },
      { name: 'link', type: 'symlink' },
      { name: 'z', type: 'file' },
    ],
  })
  const link = { path: join(deep, 'link') }
  expect(await shovel.peer.call('fs.stat', { ...link, followLinks: false })).toMatchObject({ type: 'symlink' })
  expect(await shovel.peer.call('fs.stat', { ...link, followLinks: true })).toMatchObject({ type: 'file', size: 0 })
  await shovel.peer.call('fs.rm', { path: link.path, recursive: false, force: false })
  await expect(shovel.peer.call('fs.rm', { path: link.path, recursive: false, force: false })).rejects.toMatchObject({
    data: { errno: 'ENOENT' },
  })
  expect(await shovel.peer.call('fs.rm', { path: link.path, recursive: false, force: true })).toEqual({})
})
