import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ContainerSandbox,
  GuestFileError,
  HostFileError,
  InvalidOptionsError,
  SandboxExitedError,
  UnsafeArchiveError,
} from '../../../src/index.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

const MIB = 1024 * 1024

let sandbox: ContainerSandbox
let host: string
beforeAll(async () => {
  sandbox = await ContainerSandbox.create({
    writable: ['/work'],
    limits: { memoryBytes: '512MiB', scratchBytes: '128MiB' },
  })
})
afterAll(() => sandbox.kill())
beforeEach(async () => {
  host = mkdtempSync(join(tmpdir(), 'transfer-'))
  await sandbox.shell('chmod -R u+rwx /work; rm -rf /work/* /work/.??*')
})
afterEach(() => rmSync(host, { recursive: true, force: true }))

/** A folder on the host with files, modes, links, and nothing in a folder. */
function tree(): string {
  const folder = join(host, 'tree')
  mkdirSync(join(folder, 'sub/empty'), { recursive: true })
  writeFileSync(join(folder, 'text'), 'zażółć')
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'sub/tool'), '#!/bin/sh\necho works\n')
  writeFileSync(join(folder, 'sub/wide'), '')
  chmodSync(join(folder, 'sub/tool'), 0o750)
  chmodSync(join(folder, 'sub/wide'), 0o666)
  chmodSync(join(folder, 'sub/empty'), 0o700)
  symlinkSync('sub/tool', join(folder, 'link'))
  symlinkSync('../text', join(folder, 'sub/up'))
  for (const name of ['new\nline', 'qu\'o"te', 'żółw 😀', '-rf', 'n'.repeat(200)])
    writeFileSync(join(folder, name), name)
  return folder
}

/** Path → what is there, for a whole folder of the host. */
function contents(folder: string, prefix = ''): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stat = lstatSync(path)
    const mode = (stat.mode & 0o777).toString(8)
    if (stat.isDirectory()) {
      found[`${prefix}${name}/`] = mode
      Object.assign(found, contents(path, `${prefix}${name}/`))
    } else if (stat.isSymbolicLink()) found[prefix + name] = `-> ${readlinkSync(path)}`
    else found[prefix + name] = `${mode} ${readFileSync(path).toString('base64')}`
  }
  return found
}

describe('a tree', () => {
  it('comes back as it went', async () => {
    const folder = tree()
    const sent = await sandbox.fs.upload(folder, '/work/tree')
    expect(sent).toMatchObject({ skipped: 0 })
    expect(sent.entries).toBe(Object.keys(contents(folder)).length)
    expect(
      await sandbox.shell('cd /work/tree && ./link && cat sub/up && stat -c %a sub/tool sub/wide sub/empty'),
    ).toMatchObject({ stdout: 'works\nzażółć750\n666\n700\n' })
    const report = await sandbox.fs.download('/work/tree', join(host, 'made/back'))
    expect(report).toEqual(sent)
    expect(contents(join(host, 'made/back'))).toEqual(contents(folder))
  })

  it('goes over what is there, and leaves the rest', async () => {
    const folder = tree()
    await sandbox.shell('mkdir -p /work/tree/text/deep; echo old > /work/tree/link; echo kept > /work/tree/kept')
    await sandbox.fs.upload(folder, '/work/tree')
    expect(await sandbox.fs.readFile('/work/tree/text', 'utf8')).toBe('zażółć')
    expect(await sandbox.fs.readFile('/work/tree/kept', 'utf8')).toBe('kept\n')
    mkdirSync(join(host, 'back'))
    writeFileSync(join(host, 'back/text'), 'old and longer than the new one')
    await sandbox.fs.download('/work/tree', join(host, 'back'))
    expect(readFileSync(join(host, 'back/text'), 'utf8')).toBe('zażółć')
  })

  it('of 2,000 files and one of 60 MiB goes both ways, side by side', async () => {
    const folder = join(host, 'many')
    for (let index = 0; index < 2_000; index++) {
      if (index % 100 === 0) mkdirSync(join(folder, `${index / 100}`), { recursive: true })
      writeFileSync(join(folder, `${Math.floor(index / 100)}/${index}`), `content of ${index}`)
    }
    writeFileSync(join(folder, 'large'), randomBytes(60 * MIB))
    expect(await sandbox.fs.upload(folder, '/work/many')).toMatchObject({ entries: 2_021 })
    const [one, two] = await Promise.all([
      sandbox.fs.download('/work/many', join(host, 'one')),
      sandbox.fs.download('/work/many', join(host, 'two')),
    ])
    expect(one).toEqual(two)
    const expected = contents(folder)
    expect(contents(join(host, 'one'))).toEqual(expected)
    expect(contents(join(host, 'two'))).toEqual(expected)
  })

  it('of nothing is fine', async () => {
    mkdirSync(join(host, 'empty'))
    expect(await sandbox.fs.upload(join(host, 'empty'), '/work/empty')).toEqual({ entries: 0, bytes: 0, skipped: 0 })
    expect(await sandbox.fs.readdir('/work/empty')).toEqual([])
    expect(await sandbox.fs.download('/work/empty', join(host, 'back'))).toEqual({ entries: 0, bytes: 0, skipped: 0 })
    expect(readdirSync(join(host, 'back'))).toEqual([])
  })
})

describe('an upload that cannot be', () => {
  it('says what is wrong with the folder of the host', async () => {
    writeFileSync(join(host, 'file'), '')
    for (const name of ['missing', 'file']) {
      expect(await rejection(sandbox.fs.upload(join(host, name), '/work/x'))).toBeInstanceOf(InvalidOptionsError)
    }
    expect(await sandbox.fs.readdir('/work')).toEqual([])
  })

  it('says what is wrong with a file in it', async () => {
    const folder = tree()
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), '')
    const error = await rejection(sandbox.fs.upload(folder, '/work/x'))
    expect(error).toBeInstanceOf(HostFileError)
    expect((error as Error).message).toContain('bad')
    await sandbox.ping()
  })

  it('fails as the guest does: read-only, over a file, on a full disk', async () => {
    const folder = tree()
    expect(await rejection(sandbox.fs.upload(folder, '/etc/x'))).toBeInstanceOf(GuestFileError)
    await sandbox.fs.writeFile('/work/file', '')
    expect(await rejection(sandbox.fs.upload(folder, '/work/file'))).toBeInstanceOf(GuestFileError)
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), Buffer.alloc(60 * MIB))
    expect(await rejection(sandbox.fs.upload(folder, '/work/full'))).toMatchObject({ code: 'ENOSPC' })
    await sandbox.fs.rm('/work/full', { recursive: true })
    await sandbox.fs.writeFile('/work/small', 'fits')
  })

  it('fails on a link of the guest that is swapped in, inside the guest only', async () => {
    await sandbox.shell('ln -s /etc /work/tree')
    expect(await rejection(sandbox.fs.upload(tree(), '/work/tree'))).toMatchObject({ code: 'EROFS' })
  })
})

describe('a download that may not be', () => {
  it.each<[string, string]>([
    ['an absolute link', 'ln -s /etc/passwd /work/x/link'],
    ['a link that climbs out', 'ln -s ../../../etc /work/x/link'],
    ['a link that climbs out of a folder', 'mkdir /work/x/a && ln -s ../../out /work/x/a/link'],
  ])('%s is refused, and nothing outside is touched', async (_name, script) => {
    await sandbox.shell(`mkdir /work/x && ${script}`)
    expect(await rejection(sandbox.fs.download('/work/x', join(host, 'back')))).toBeInstanceOf(UnsafeArchiveError)
    expect(readdirSync(host)).toEqual(['back'])
  })

  it('more than the caps', async () => {
    await sandbox.shell('mkdir /work/x && cd /work/x && for i in 1 2 3 4 5; do echo content > $i; done')
    expect(await rejection(sandbox.fs.download('/work/x', join(host, 'a'), { maxEntries: 3 }))).toBeInstanceOf(
      UnsafeArchiveError,
    )
    expect(await rejection(sandbox.fs.download('/work/x', join(host, 'b'), { maxBytes: 20 }))).toBeInstanceOf(
      UnsafeArchiveError,
    )
    expect(await sandbox.fs.download('/work/x', join(host, 'c'), { maxBytes: 40, maxEntries: 5 })).toMatchObject({
      entries: 5,
      bytes: 40,
    })
  })

  it('special files are counted and left out; special bits are dropped', async () => {
    await sandbox.shell('mkdir /work/x && cd /work/x && mkfifo fifo && echo x > su && chmod 6755 su')
    expect(await sandbox.fs.download('/work/x', join(host, 'back'))).toEqual({ entries: 1, bytes: 2, skipped: 1 })
    expect(statSync(join(host, 'back/su')).mode & 0o7777).toBe(0o755)
  })

  it('names that are not UTF-8 are counted and left out', async () => {
    await sandbox.shell('mkdir /work/x && cd /work/x && echo x > "$(printf "a\\377b")" && echo x > plain')
    expect(await sandbox.fs.download('/work/x', join(host, 'back'))).toEqual({ entries: 1, bytes: 2, skipped: 1 })
    expect(readdirSync(join(host, 'back'))).toEqual(['plain'])
  })

  it('what is missing, no folder, or not readable; and a host that cannot be written', async () => {
    await sandbox.shell('echo x > /work/file; mkdir /work/x')
    expect(await rejection(sandbox.fs.download('/work/missing', join(host, 'a')))).toMatchObject({ code: 'ENOENT' })
    expect(await rejection(sandbox.fs.download('/work/file', join(host, 'a')))).toMatchObject({ code: 'ENOTDIR' })
    expect(await rejection(sandbox.fs.download('/proc/1/fd', join(host, 'a')))).toMatchObject({ code: 'EACCES' })
    writeFileSync(join(host, 'file'), '')
    expect(await rejection(sandbox.fs.download('/work/x', join(host, 'file')))).toBeInstanceOf(HostFileError)
    // Where node's own recursive mkdir never returns.
    expect(await rejection(sandbox.fs.download('/work/x', '/proc/nothing/here'))).toBeInstanceOf(HostFileError)
    expect(await rejection(sandbox.fs.upload(tree(), '/proc/nothing/here'))).toMatchObject({ code: 'ENOENT' })
    expect(await rejection(sandbox.fs.mkdir('/proc/nothing/here', { recursive: true }))).toMatchObject({
      code: 'ENOENT',
    })
    await sandbox.ping()
  })

  it('files that change meanwhile end it or are in it as they were at one time', async () => {
    await sandbox.shell('mkdir /work/x && cd /work/x && for i in $(seq 200); do head -c 300000 /dev/zero > $i; done')
    const changer = sandbox.spawn('/bin/sh', [
      '-c',
      'cd /work/x; while :; do for i in 1 50 100 150 200; do : > $i; rm $i; mkdir $i; rmdir $i; ln -s /etc/passwd $i; rm $i; echo new > $i; done; done',
    ])
    await new Promise<void>((resolve) => changer.once('spawn', resolve))
    for (let round = 0; round < 5; round++) {
      const result: unknown = await sandbox.fs
        .download('/work/x', join(host, `${round}`))
        .catch((error: unknown) => error)
      if (result instanceof Error) expect([GuestFileError, UnsafeArchiveError]).toContain(result.constructor)
      else expect(result).toMatchObject({ entries: expect.any(Number) as number })
    }
    changer.kill('SIGKILL', 'tree')
    await sandbox.ping()
  })
})

describe('an end in the middle', () => {
  it('kill: both directions are told how the sandbox ended', async () => {
    const folder = join(host, 'large')
    mkdirSync(folder)
    writeFileSync(join(folder, 'large'), Buffer.alloc(60 * MIB))
    await withSandbox({ writable: ['/work'], limits: { scratchBytes: '100MiB' } }, async (dying) => {
      await dying.fs.upload(folder, '/work/x')
      await dying.fs.rm('/work/x/large')
      await dying.shell('head -c 50000000 /dev/zero > /work/x/a')
      const pending = [dying.fs.upload(folder, '/work/y'), dying.fs.download('/work/x', join(host, 'back'))].map(
        rejection,
      )
      await delay(20)
      await dying.kill()
      for (const error of await Promise.all(pending)) expect(error).toBeInstanceOf(SandboxExitedError)
    })
  })

  it('abort: the transfer ends, the sandbox goes on', async () => {
    const reason = new Error('enough')
    const folder = join(host, 'large')
    mkdirSync(folder)
    writeFileSync(join(folder, 'large'), Buffer.alloc(100 * MIB))
    const up = new AbortController()
    const sending = rejection(sandbox.fs.upload(folder, '/work/x', { signal: up.signal }))
    setTimeout(() => up.abort(reason), 10)
    expect(await sending).toBe(reason)
    await sandbox.shell('mkdir -p /work/y; rm -rf /work/x; head -c 100000000 /dev/zero > /work/y/large')
    const down = new AbortController()
    const taking = rejection(sandbox.fs.download('/work/y', join(host, 'back'), { signal: down.signal }))
    setTimeout(() => down.abort(reason), 10)
    expect(await taking).toBe(reason)
    expect(readdirSync(join(host, 'back'))).toEqual([])
    await sandbox.ping()
  })
})
