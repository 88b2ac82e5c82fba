import { execFileSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  linkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { pack } from 'tar-stream'
import type { Header } from 'tar-stream'
import { LocalShovel } from '../../helpers/local-shovel.ts'

async function archive(entries: readonly (Partial<Header> & { name: string; content?: string })[]): Promise<Buffer> {
  const archive = pack()
  for (const { content, ...header } of entries) archive.entry(header, content ?? '')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function upload(shovel: LocalShovel, path: string, content: Buffer): Promise<unknown> {
  const stream = shovel.allotStream()
  const uploaded = shovel.peer.call('fs.upload', { path, stream })
  shovel.sendAll(stream, content)
  return uploaded
}

async function download(
  shovel: LocalShovel,
  path: string,
  select?: readonly string[],
): Promise<{ counts: unknown; content: Buffer }> {
  const stream = shovel.allotStream()
  const content = shovel.receiveAll(stream)
  content.catch(() => undefined)
  const counts = await shovel.peer.call('fs.download', { path, stream, ...(select && { select }) })
  return { counts, content: await content }
}

test('an upload makes files, folders and links with their modes', async () => {
  await using shovel = await LocalShovel.start()
  const target = join(shovel.workDir, 'new/target')
  const tar = await archive([
    { name: 'locked', type: 'directory', mode: 0o555 },
    { name: 'locked/run.sh', mode: 0o755, content: 'echo hi' },
    { name: 'deep/er/file', mode: 0o600, content: 'deep' },
    { name: 'link', type: 'symlink', linkname: 'deep/er/file' },
  ])
  expect(await upload(shovel, target, tar)).toEqual({ entries: 4, bytes: 11 })
  expect(readFileSync(join(target, 'link'), 'utf8')).toBe('deep')
  expect(lstatSync(join(target, 'locked')).mode & 0o7777).toBe(0o555)
  expect(lstatSync(join(target, 'locked/run.sh')).mode & 0o7777).toBe(0o755)
  expect(lstatSync(join(target, 'deep/er/file')).mode & 0o7777).toBe(0o600)
})

test('an upload replaces what is there and does not write through it', async () => {
  await using shovel = await LocalShovel.start()
  const outside = join(shovel.workDir, 'outside')
  writeFileSync(outside, 'untouched')
  mkdirSync(join(shovel.workDir, 'target'), { mode: 0o777 })
  execFileSync('chown', ['54322', join(shovel.workDir, 'target')])
  symlinkSync(outside, join(shovel.workDir, 'target/file'))
  const tar = await archive([
    { name: 'file', content: 'new' },
    { name: '../up', content: 'stays inside' },
  ])
  await upload(shovel, join(shovel.workDir, 'target'), tar)
  expect(readFileSync(outside, 'utf8')).toBe('untouched')
  expect(readFileSync(join(shovel.workDir, 'target/file'), 'utf8')).toBe('new')
  expect(readFileSync(join(shovel.workDir, 'target/up'), 'utf8')).toBe('stays inside')
})

test('2,000 small files and a large one go in and come out the same, twice', async () => {
  await using shovel = await LocalShovel.start()
  const small = Array.from({ length: 2_000 }, (_, index) => ({
    name: `d${index % 50}/f${index}`,
    content: `content ${index}`.repeat(index % 40),
    mtime: new Date(1_000_000_000_000),
  }))
  const tar = await archive([...small, { name: 'large', content: 'x'.repeat(3_000_000) }])
  expect(await upload(shovel, shovel.workDir, tar)).toMatchObject({ entries: 2_001 })
  const first = await download(shovel, shovel.workDir)
  const second = await download(shovel, shovel.workDir)
  expect(first.counts).toMatchObject({ entries: 2_051, skipped: 0 })
  expect(first.content.equals(second.content)).toBe(true)
  const copy = join(shovel.workDir, 'copy')
  await upload(shovel, copy, first.content)
  await shovel.peer.call('fs.rm', { path: join(copy, 'nothing'), recursive: true, force: true })
  expect(readFileSync(join(copy, 'd7/f1957'), 'utf8')).toBe('content 1957'.repeat(1957 % 40))
  expect(lstatSync(join(copy, 'large')).size).toBe(3_000_000)
})

test('a download holds links as they are, hard links as files, and counts what it leaves out', async () => {
  await using shovel = await LocalShovel.start()
  const folder = shovel.workDir
  writeFileSync(join(folder, 'a'), 'same')
  linkSync(join(folder, 'a'), join(folder, 'b'))
  symlinkSync('/etc/passwd', join(folder, 'out'))
  execFileSync('mkfifo', [join(folder, 'fifo')])
  const server = createServer().listen(join(folder, 'socket'))
  const { counts, content } = await download(shovel, folder)
  server.close()
  expect(counts).toEqual({ entries: 3, bytes: 8, skipped: 2 })
  const listing = execFileSync('tar', ['-tvf', '-'], { input: content }).toString()
  expect(listing).toMatch(/^-\S+ 0\/0 .* a\n-\S+ 0\/0 .* b\nl\S+ 0\/0 .* out -> \/etc\/passwd\n$/)
})

test('a failure resets the stream and says which file', async () => {
  await using shovel = await LocalShovel.start()
  await expect(download(shovel, '/no/such/folder')).rejects.toMatchObject({ data: { errno: 'ENOENT' } })
  const refused = upload(shovel, '/etc/refused', await archive([{ name: 'a', content: 'x'.repeat(3_000_000) }]))
  await expect(refused).rejects.toMatchObject({ rpcCode: -32012, data: { errno: 'EACCES' } })
  const broken = upload(shovel, join(shovel.workDir, 'broken'), Buffer.alloc(10_000, 'no tar at all'))
  await expect(broken).rejects.toMatchObject({ rpcCode: -32012 })
  expect(shovel.multiplexer.openStreams).toBe(0)
  expect(await shovel.peer.call('ping', {})).toEqual({})
})

test('a truncated upload is an error', async () => {
  await using shovel = await LocalShovel.start()
  const whole = await archive([{ name: 'a', content: 'x'.repeat(100_000) }])
  await expect(upload(shovel, shovel.workDir, whole.subarray(0, 50_000))).rejects.toMatchObject({ rpcCode: -32012 })
})

test('a link is read, not followed', async () => {
  await using shovel = await LocalShovel.start()
  await upload(shovel, shovel.workDir, await archive([{ name: 'loop', type: 'symlink', linkname: '.' }]))
  expect(readlinkSync(join(shovel.workDir, 'loop'))).toBe('.')
  expect((await download(shovel, shovel.workDir)).counts).toEqual({ entries: 1, bytes: 0, skipped: 0 })
})

test('an upload that fails in its middle ends at once, although the host sends no more', async () => {
  await using shovel = await LocalShovel.start()
  const folder = join(shovel.workDir, 'sealed')
  mkdirSync(folder, { mode: 0o755 })
  const tar = await archive([{ name: 'a', content: 'x'.repeat(300_000) }])
  const stream = shovel.allotStream()
  const uploaded = shovel.peer.call('fs.upload', { path: folder, stream })
  const reset = new Promise<number>((resolve) => {
    shovel.multiplexer
      .openSender(stream, { onWritable: () => undefined, onReset: resolve })
      .write(tar.subarray(0, 2_000))
  })
  await expect(uploaded).rejects.toMatchObject({ data: { errno: 'EACCES', syscall: 'open' } })
  expect(await reset).toBe(2)
})

test('an upload that the host gives up is answered', async () => {
  await using shovel = await LocalShovel.start()
  const tar = await archive([{ name: 'a', content: 'x'.repeat(300_000) }])
  const stream = shovel.allotStream()
  const uploaded = shovel.peer.call('fs.upload', { path: shovel.workDir, stream })
  const sender = shovel.multiplexer.openSender(stream, { onWritable: () => undefined, onReset: () => undefined })
  sender.write(tar.subarray(0, 100_000))
  sender.reset(1)
  await expect(uploaded).rejects.toMatchObject({ data: { errno: 'ECANCELED' } })
})

test.each(['fs.download', 'fs.readFile'])('%s ends when the host gives the stream up', async (method) => {
  await using shovel = await LocalShovel.start()
  writeFileSync(join(shovel.workDir, 'large'), Buffer.alloc(20_000_000), { mode: 0o644 })
  const path = method === 'fs.download' ? shovel.workDir : join(shovel.workDir, 'large')
  const stream = shovel.allotStream()
  const receiver = shovel.multiplexer.openReceiver(stream, {
    onData: () => receiver.reset(1),
    onEnd: () => undefined,
    onReset: () => undefined,
  })
  await expect(shovel.peer.call(method, { path, stream })).rejects.toMatchObject({ data: { errno: 'ECANCELED' } })
  expect(await shovel.peer.call('ping', {})).toEqual({})
})

test('a download of what globs select goes nowhere else', async () => {
  await using shovel = await LocalShovel.start()
  for (const name of ['dist/tmp/x', 'dist/a.js', 'dist/a.map', 'src/b.js', 'locked/c.js', 'top.js']) {
    mkdirSync(dirname(join(shovel.workDir, name)), { recursive: true })
    writeFileSync(join(shovel.workDir, name), name)
  }
  // Nobody can list it: a walk that enters it fails.
  execFileSync('chmod', ['-R', 'a+rX', shovel.workDir])
  execFileSync('chmod', ['000', join(shovel.workDir, 'locked')])
  const { counts, content } = await download(shovel, shovel.workDir, ['dist', '!**/*.map', '!dist/tmp', '*.js'])
  expect(counts).toEqual({ entries: 3, bytes: 15, skipped: 0 })
  const listed = execFileSync('tar', ['-t'], { input: content, encoding: 'utf8' })
  expect(listed).toBe('dist\ndist/a.js\ntop.js\n')
  await expect(download(shovel, shovel.workDir, ['**/*.js'])).rejects.toThrow(/EACCES/)
})

test('an upload replaces a link to a folder and does not write through it', async () => {
  await using shovel = await LocalShovel.start()
  for (const name of ['outside', 'target', 'target/deep']) mkdirSync(join(shovel.workDir, name))
  symlinkSync('../outside', join(shovel.workDir, 'target/a'))
  symlinkSync('../../outside', join(shovel.workDir, 'target/deep/b'))
  execFileSync('chown', ['-Rh', '54322', join(shovel.workDir, 'target'), join(shovel.workDir, 'outside')])
  const tar = await archive([
    { name: 'a', type: 'directory' },
    { name: 'a/x', content: 'one' },
    { name: 'deep/b/c/y', content: 'two' },
  ])
  await upload(shovel, join(shovel.workDir, 'target'), tar)
  expect(readdirSync(join(shovel.workDir, 'outside'))).toEqual([])
  expect(readFileSync(join(shovel.workDir, 'target/deep/b/c/y'), 'utf8')).toBe('two')
  expect(lstatSync(join(shovel.workDir, 'target/a')).isDirectory()).toBe(true)
})
