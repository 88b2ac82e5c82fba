import { execFileSync } from 'node:child_process'
import {
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
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UnsafeArchiveError } from '../../../src/errors.js'
import { extractArchive } from '../../../src/sandbox/extract-archive.js'
import { archiveBytes, archiveStream, type ArchiveEntry } from '../../helpers/archives.js'

let work: string
let target: string
let outside: string

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'extract-'))
  target = join(work, 'target')
  outside = join(work, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'untouched')
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

/** Nothing outside the target changed, and no half-written file is left inside. */
function expectNothingOutside(): void {
  expect(readdirSync(work).sort()).toEqual(['outside', 'target'])
  expect(readdirSync(outside)).toEqual(['secret'])
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('untouched')
  const inside = execFileSync('find', [target, '-name', '*.partial'], { encoding: 'utf8' })
  expect(inside).toBe('')
}

describe('extractArchive', () => {
  it('writes files, folders and links that stay inside, with their modes', async () => {
    const report = await extractArchive(
      archiveStream(
        [{ name: 'bin', type: 'directory', mode: 0o755 }],
        [{ name: 'bin/tool', mode: 0o755 }, '#!/bin/sh'],
        [{ name: 'deep/er/file', mode: 0o600 }, 'x'],
        [{ name: 'link', type: 'symlink', linkname: 'bin/tool' }],
        [{ name: 'deep/up', type: 'symlink', linkname: '../bin/tool' }],
      ),
      target,
    )
    expect(report).toEqual({ entries: 5, bytes: 10 })
    expect(statSync(join(target, 'bin/tool')).mode & 0o7777).toBe(0o755)
    expect(statSync(join(target, 'deep/er/file')).mode & 0o7777).toBe(0o600)
    expect(readlinkSync(join(target, 'link'))).toBe('bin/tool')
    expect(readFileSync(join(target, 'deep/up'), 'utf8')).toBe('#!/bin/sh')
  })

  it('drops setuid, setgid and sticky bits', async () => {
    await extractArchive(
      archiveStream([{ name: 'su', mode: 0o6755 }, 'x'], [{ name: 'd', type: 'directory', mode: 0o7777 }]),
      target,
    )
    expect(statSync(join(target, 'su')).mode & 0o7000).toBe(0)
    expect(statSync(join(target, 'd')).mode & 0o7000).toBe(0)
  })

  it.each<[string, ArchiveEntry[]]>([
    ['an absolute name', [[{ name: '/etc/evil' }, 'x']]],
    ['a name that climbs', [[{ name: '../outside/secret' }, 'x']]],
    ['a name that climbs in the middle', [[{ name: 'a/../../outside/secret' }, 'x']]],
    ['a segment of 300 bytes', [[{ name: `${'n'.repeat(300)}` }, 'x']]],
    ['a name of 257 segments', [[{ name: `${'n/'.repeat(256)}f` }, 'x']]],
    ['a sparse file', [[{ name: 'f', pax: { 'GNU.sparse.major': '1' } }, 'x']]],
    ['an absolute link', [[{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]]],
    ['a link that climbs out', [[{ name: 'l', type: 'symlink', linkname: '../outside' }]]],
    ['a link that climbs after a name', [[{ name: 'a/b/l', type: 'symlink', linkname: 'x/../../../../outside' }]]],
    ['a hard link', [[{ name: 'l', type: 'link', linkname: '../outside/secret' }]]],
    ['a character device', [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]]],
    ['a block device', [[{ name: 'd', type: 'block-device', devmajor: 8, devminor: 0 }]]],
    ['a FIFO', [[{ name: 'f', type: 'fifo' }]]],
    [
      'a write through a link of the same archive',
      [
        [{ name: 'ok', type: 'directory' }],
        [{ name: 'l', type: 'symlink', linkname: 'ok' }],
        [{ name: 'l/file' }, 'x'],
      ],
    ],
  ])('refuses %s', async (_name, entries) => {
    await expect(extractArchive(archiveStream(...entries), target)).rejects.toBeInstanceOf(UnsafeArchiveError)
    expectNothingOutside()
  })

  it('does not write through a link that was there before', async () => {
    mkdirSync(target)
    symlinkSync(outside, join(target, 'out'))
    await expect(extractArchive(archiveStream([{ name: 'out/secret' }, 'evil']), target)).rejects.toBeInstanceOf(
      UnsafeArchiveError,
    )
    expectNothingOutside()
  })

  it('replaces a link at the place of a file instead of writing through it', async () => {
    mkdirSync(target)
    symlinkSync(join(outside, 'secret'), join(target, 'file'))
    await extractArchive(archiveStream([{ name: 'file' }, 'new']), target)
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('new')
    expectNothingOutside()
  })

  it('does not open a FIFO that waits at the place of a file', async () => {
    mkdirSync(target)
    execFileSync('mkfifo', [join(target, 'file')])
    await extractArchive(archiveStream([{ name: 'file' }, 'new']), target)
    expect(statSync(join(target, 'file')).isFile()).toBe(true)
  })

  it('ends a stream of blocks that are no entry', async () => {
    let given = 0
    const zeros = function* () {
      for (; given < 64 * 1024 ** 2; given += 65_536) yield Buffer.alloc(65_536)
    }
    const endless = Readable.from(zeros(), { objectMode: false })
    await expect(extractArchive(endless, target)).rejects.toThrow(/out of all proportion/)
    expect(given).toBeLessThan(8 * 1024 ** 2)
  })

  it('stops at the caps', async () => {
    const many = Array.from({ length: 20 }, (_, index): ArchiveEntry => [{ name: `f${index}` }, 'x'])
    await expect(extractArchive(archiveStream(...many), target, { maxEntries: 10 })).rejects.toThrow(
      /more than 10 entries/,
    )
    await expect(
      extractArchive(archiveStream([{ name: 'big' }, 'x'.repeat(100)]), target, { maxBytes: 10 }),
    ).rejects.toThrow(/more than 10 bytes/)
    expectNothingOutside()
  })

  it('fails on an archive that is cut off or no archive', async () => {
    const whole = await archiveBytes([{ name: 'file' }, 'x'.repeat(5_000)])
    await expect(extractArchive(Readable.from([whole.subarray(0, 2_000)]), target)).rejects.toThrow()
    await expect(extractArchive(Readable.from([Buffer.alloc(2_048, 7)]), target)).rejects.toThrow()
    expectNothingOutside()
  })

  it('passes the error of the stream on', async () => {
    const broken = new Readable({ read: () => undefined })
    const extracted = extractArchive(broken, target)
    broken.destroy(new Error('the sandbox is gone'))
    await expect(extracted).rejects.toThrow('the sandbox is gone')
  })

  it('ends when the stream is given up in the middle of a file, and closes what it opened', async () => {
    const whole = await archiveBytes([{ name: 'file' }, 'x'.repeat(100_000)])
    const openDescriptors = () => readdirSync('/proc/self/fd').length
    const before = openDescriptors()
    for (const given of [0, 300, 50_000]) {
      const stream = new Readable({ read: () => undefined })
      stream.push(whole.subarray(0, given))
      const extracted = extractArchive(stream, target)
      setTimeout(() => stream.destroy(), 20)
      await expect(extracted).rejects.toThrow()
    }
    expectNothingOutside()
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('loses a race against links: folders are swapped while the archive is written', async () => {
    mkdirSync(join(target, 'race'), { recursive: true })
    let swap = true
    const swapper = (async () => {
      while (swap) {
        for (const step of [
          () => rmSync(join(target, 'race'), { recursive: true, force: true }),
          () => symlinkSync(outside, join(target, 'race')),
          () => rmSync(join(target, 'race'), { recursive: true, force: true }),
          () => mkdirSync(join(target, 'race')),
        ]) {
          try {
            step()
          } catch {
            // The archive was faster: that is the race.
          }
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    })()
    for (let round = 0; round < 200; round++) {
      await extractArchive(
        archiveStream([{ name: `race/${round}` }, 'x'], [{ name: 'race/secret' }, 'evil']),
        target,
      ).catch(() => undefined)
    }
    swap = false
    await swapper
    expect(readdirSync(outside)).toEqual(['secret'])
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('untouched')
  })
})
