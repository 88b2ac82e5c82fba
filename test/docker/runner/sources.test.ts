import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CapacityError, SourceError, UnsafeArchiveError } from '../../../src/errors.js'
import { ContainerSandbox } from '../../../src/index.js'
import { placeSource, type SourceContext } from '../../../src/runner/sources/index.js'
import { archiveBytes, type ArchiveEntry } from '../../helpers/archives.js'
import { rejection } from '../../helpers/sandboxes.js'

let sandbox: ContainerSandbox
let host: string
beforeAll(async () => {
  const limits = { memoryBytes: '256MiB', scratchBytes: '48MiB' } as const
  sandbox = await ContainerSandbox.create({ writable: ['/workspace'], limits })
})
afterAll(() => sandbox.kill())
beforeEach(async () => {
  host = mkdtempSync(join(tmpdir(), 'sources-'))
  await sandbox.shell('chmod -R u+rwx /workspace; rm -rf /workspace/* /workspace/.??*')
})
afterEach(() => rmSync(host, { recursive: true, force: true }))

const place = (source: Parameters<typeof placeSource>[1], options: Partial<SourceContext> = {}) =>
  placeSource(sandbox, source, {
    workspace: '/workspace',
    scratchDir: host,
    maxBytes: 100_000_000,
    maxEntries: 10_000,
    signal: AbortSignal.timeout(60_000),
    ...options,
  })

const inside = async (script: string): Promise<string> => (await sandbox.shell(`cd /workspace; ${script}`)).stdout

describe('a folder', () => {
  let tree: string
  beforeEach(() => {
    tree = join(host, 'tree')
    mkdirSync(join(tree, 'sub/empty'), { recursive: true })
    writeFileSync(join(tree, 'file'), 'text')
    writeFileSync(join(tree, 'sub/tool'), '#!/bin/sh\necho works\n')
    chmodSync(join(tree, 'sub/tool'), 0o4750)
    symlinkSync('/etc/shadow', join(tree, 'out'))
    symlinkSync('sub/tool', join(tree, 'in'))
    execFileSync('mkfifo', [join(tree, 'fifo')])
    for (const name of ['file', 'sub/tool', 'sub']) utimesSync(join(tree, name), 1_500_000_000, 1_500_000_000)
  })

  it('comes with modes, times and links, and without special bits and files', async () => {
    expect(await place({ folder: tree })).toEqual({ entries: 6, bytes: 25, commit: null })
    expect(await inside('ls -A | sort; ./in; readlink out; cat out 2>&1')).toBe(
      'file\nin\nout\nsub\nworks\n/etc/shadow\ncat: out: No such file or directory\n',
    )
    expect(await inside('stat -c "%n %a %Y %U" file sub/tool sub | cut -d" " -f1-3')).toBe(
      'file 644 1500000000\nsub/tool 750 1500000000\nsub 755 1500000000\n',
    )
  })

  it('that is too large, missing or no folder is an error of the source', async () => {
    for (const [folder, options, why] of [
      [tree, { maxBytes: 24 }, 'too large'],
      [tree, { maxEntries: 5 }, 'too large'],
      [join(host, 'missing'), {}, 'cannot be read'],
      [join(tree, 'file'), {}, 'cannot be read'],
    ] as const) {
      const error = await rejection(place({ folder }, options))
      expect(error).toBeInstanceOf(SourceError)
      expect(error).toMatchObject({ details: { why } })
    }
    await place({ folder: tree }, { maxBytes: 25, maxEntries: 6 })
    expect(await rejection(sandbox.fs.upload(tree, '/workspace', { maxEntries: 5 }))).toBeInstanceOf(CapacityError)
  })

  it('that does not fit into the workspace says so', async () => {
    writeFileSync(join(tree, 'large'), Buffer.alloc(60 * 1024 ** 2))
    expect(await rejection(place({ folder: tree }))).toMatchObject({
      code: 'ERR_SOURCE',
      details: { why: 'does not fit' },
    })
    await sandbox.ping()
  })
})

describe('a tar archive', () => {
  const mtime = new Date(1_500_000_000_000)

  it('comes from a file or a stream, plain or gzipped, with times, and belongs to the guest', async () => {
    const bytes = await archiveBytes(
      [{ name: './dir/', type: 'directory', mode: 0o755, mtime }],
      [{ name: './dir/tool', mode: 0o6755, uid: 0, mtime }, '#!/bin/sh\necho works\n'],
      [{ name: './hard', type: 'link', linkname: './dir/tool' }],
      [{ name: './soft', type: 'symlink', linkname: 'dir/tool' }],
    )
    writeFileSync(join(host, 'plain.tar'), bytes)
    writeFileSync(join(host, 'small.tgz'), gzipSync(bytes))
    const expected = await inside('id -u')
    for (const tar of [join(host, 'plain.tar'), join(host, 'small.tgz'), Readable.from([gzipSync(bytes)])]) {
      expect(await place({ tar })).toEqual({ entries: 4, bytes: 21, commit: null })
      expect(await inside('./soft; stat -c "%a %h %Y" dir/tool hard; stat -c %Y dir; stat -c %u dir/tool')).toBe(
        `works\n755 2 1500000000\n755 2 1500000000\n1500000000\n${expected}`,
      )
    }
  })

  it.each<[string, ArchiveEntry[]]>([
    ['a link out', [[{ name: 'l', type: 'symlink', linkname: '/etc' }]]],
    ['a file through a link', [[{ name: 'l', type: 'symlink', linkname: 'd' }], [{ name: 'l/f' }, 'x']]],
    ['a name that climbs', [[{ name: '../f' }, 'x']]],
    ['a device', [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]]],
  ])('with %s is refused', async (_name, entries) => {
    const tar = Readable.from([await archiveBytes([{ name: 'before' }, 'x'], ...entries)])
    expect(await rejection(place({ tar }))).toBeInstanceOf(UnsafeArchiveError)
    expect(await inside('ls -A')).not.toContain('f')
  })

  it('of a million entries is refused at the cap, and so is a bomb', async () => {
    const one = (await archiveBytes([{ name: 'entry', type: 'directory' }])).subarray(0, 512)
    const thousand = Buffer.concat(Array.from({ length: 1_000 }, () => one))
    const many = Readable.from(Array.from({ length: 1_000 }, () => thousand))
    expect(await rejection(place({ tar: many }))).toMatchObject({ details: { why: 'has too many entries' } })
    expect(many.destroyed).toBe(true)
    const bomb = gzipSync(await archiveBytes([{ name: 'bomb' }, '\0'.repeat(30_000_000)]))
    expect(await rejection(place({ tar: Readable.from([bomb]) }, { maxBytes: 20_000_000 }))).toMatchObject({
      details: { why: 'has too many bytes' },
    })
  })

  it('that is no file, or a stream that was used, is an error of the source', async () => {
    execFileSync('mkfifo', [join(host, 'fifo')])
    const used = Readable.from([Buffer.alloc(10)])
    await used.toArray()
    for (const tar of [host, join(host, 'fifo'), join(host, 'missing'), '/dev/zero', used])
      expect(await rejection(place({ tar }))).toBeInstanceOf(SourceError)
  })

  it('that breaks off is refused; what its stream fails with is the cause', async () => {
    const bytes = await archiveBytes([{ name: 'f' }, 'x'.repeat(50_000)])
    expect(await rejection(place({ tar: Readable.from([bytes.subarray(0, 30_000)]) }))).toBeInstanceOf(
      UnsafeArchiveError,
    )
    const broken = new PassThrough()
    broken.write(bytes.subarray(0, 10_000))
    const failure = new Error('connection lost')
    setTimeout(() => broken.destroy(failure), 30)
    const error = await rejection(place({ tar: broken }))
    expect(error).toBeInstanceOf(SourceError)
    expect(error).toMatchObject({ cause: failure })
  })

  it('that never ends is given up with the signal, and the sandbox lives on', async () => {
    const endless = new PassThrough()
    endless.write((await archiveBytes([{ name: 'f' }, 'x'.repeat(50_000)])).subarray(0, 30_000))
    const stop = new AbortController()
    const reason = new Error('too long')
    setTimeout(() => stop.abort(reason), 50)
    expect(await rejection(place({ tar: endless }, { signal: stop.signal }))).toBe(reason)
    expect(endless.destroyed).toBe(true)
    expect(await rejection(place({ tar: Readable.from([]) }, { signal: stop.signal }))).toBe(reason)
    await sandbox.ping()
  })

  it('made by tar(1) of a tree comes as it is', async () => {
    const tree = join(host, 'tree')
    const long = 'd'.repeat(60)
    for (const folder of ['a/b', long]) mkdirSync(join(tree, folder), { recursive: true })
    for (const name of ['a/one', 'a/b/two', `${long}/${'f'.repeat(90)}`, 'żółw 😀'])
      writeFileSync(join(tree, name), name)
    for (const format of ['gnu', 'pax', 'ustar']) {
      const tar = join(host, `${format}.tar`)
      execFileSync('tar', ['--format', format, '-C', tree, '-cf', tar, '.'])
      await place({ tar })
      expect((await inside('find . -type f | LC_ALL=C sort')).split('\n')).toEqual(
        execFileSync('sh', ['-c', 'find . -type f | LC_ALL=C sort'], { cwd: tree, encoding: 'utf8' }).split('\n'),
      )
      expect(await inside("cat 'żółw 😀'")).toBe(readFileSync(join(tree, 'żółw 😀'), 'utf8'))
    }
  })
})
