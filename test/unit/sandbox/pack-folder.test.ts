import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { extract, type Header } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HostFileError, InvalidOptionsError } from '../../../src/errors.js'
import { packFolder } from '../../../src/sandbox/pack-folder.js'

let work: string
let folder: string

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'pack-'))
  folder = join(work, 'folder')
  mkdirSync(folder)
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

interface Entry {
  readonly header: Header
  readonly content: string
}

async function read(path = folder): Promise<{ entries: Map<string, Entry>; skipped: number }> {
  const packed = packFolder(path)
  const entries = new Map<string, Entry>()
  const parser = extract()
  packed.stream.on('error', (error) => parser.destroy(error))
  packed.stream.pipe(parser)
  for await (const entry of parser) {
    const chunks: Buffer[] = []
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk)
    entries.set(entry.header.name, { header: entry.header, content: Buffer.concat(chunks).toString() })
  }
  return { entries, skipped: packed.skipped() }
}

const openDescriptors = () => readdirSync('/proc/self/fd').length

describe('packFolder', () => {
  it('packs files, folders and links with their modes, in the order of names', async () => {
    mkdirSync(join(folder, 'sub/empty'), { recursive: true })
    writeFileSync(join(folder, 'sub/file'), 'inside')
    writeFileSync(join(folder, 'tool'), '#!/bin/sh')
    chmodSync(join(folder, 'tool'), 0o4750)
    writeFileSync(join(folder, 'żółw\n'), '')
    writeFileSync(join(folder, 'large'), 'x'.repeat(1_000_000))
    symlinkSync('/etc/passwd', join(folder, 'link'))
    symlinkSync('sub', join(folder, 'folder-link'))
    execFileSync('mkfifo', [join(folder, 'fifo')])
    const { entries, skipped } = await read()
    expect([...entries.keys()]).toEqual([
      'folder-link',
      'large',
      'link',
      'sub',
      'sub/empty',
      'sub/file',
      'tool',
      'żółw\n',
    ])
    expect(skipped).toBe(1)
    expect(entries.get('link')?.header).toMatchObject({ type: 'symlink', linkname: '/etc/passwd' })
    expect(entries.get('folder-link')?.header).toMatchObject({ type: 'symlink', linkname: 'sub' })
    expect(entries.get('tool')?.header.mode).toBe(0o750)
    expect(entries.get('large')?.content.length).toBe(1_000_000)
    expect(entries.get('sub/file')?.content).toBe('inside')
    expect(entries.get('sub/empty')?.header.type).toBe('directory')
  })

  it('packs nothing of nothing', async () => {
    expect((await read()).entries.size).toBe(0)
  })

  it.each(['missing', 'file', 'fifo'])('refuses what is no folder: %s', (name) => {
    writeFileSync(join(work, 'file'), '')
    execFileSync('mkfifo', [join(work, 'fifo')])
    expect(() => packFolder(join(work, name))).toThrow(InvalidOptionsError)
  })

  it('fails on names that are not UTF-8, and on folders without end', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), '')
    await expect(read()).rejects.toMatchObject({ code: 'EILSEQ' })
    rmSync(folder, { recursive: true })
    mkdirSync(join(folder, 'd/'.repeat(300)), { recursive: true })
    await expect(read()).rejects.toBeInstanceOf(HostFileError)
  })

  it('takes as much of a growing file as it said, and fails on one that shrinks', async () => {
    const large = join(folder, 'large')
    writeFileSync(large, 'x'.repeat(8_000_000))
    const growing = read()
    appendFileSync(large, 'more')
    expect((await growing).entries.get('large')?.content.length).toBeGreaterThanOrEqual(8_000_000)
    const packed = packFolder(folder)
    const reader = packed.stream[Symbol.asyncIterator]()
    await reader.next()
    truncateSync(large, 1_000)
    await expect(
      (async () => {
        while (!(await reader.next()).done);
      })(),
    ).rejects.toThrow()
  })

  it('lets everything go when its reader stops', async () => {
    for (let index = 0; index < 20; index++) writeFileSync(join(folder, `file${index}`), 'x'.repeat(500_000))
    mkdirSync(join(folder, 'a/b/c'), { recursive: true })
    const before = openDescriptors()
    for (let round = 0; round < 20; round++) {
      const { stream } = packFolder(folder)
      stream.once('readable', () => stream.destroy())
      stream.resume().pause()
      await delay(10)
      stream.destroy()
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before + 1)
  })

  it('loses a race against links: folders and files are swapped while they are packed', async () => {
    const outside = join(work, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'file'), 'secret')
    for (let index = 0; index < 20; index++) writeFileSync(join(folder, `f${index}`), 'x')
    const race = join(folder, 'race')
    const swapper = spawn(process.execPath, [
      join(import.meta.dirname, '../../fixtures/swap-folder.mjs'),
      race,
      outside,
    ])
    try {
      const deadline = Date.now() + 60_000
      // What goes by paths is led out: the race is a real one.
      let wasFooled = false
      while (!wasFooled && Date.now() < deadline) wasFooled = readByPath(join(race, 'file')) === 'secret'
      expect(wasFooled).toBe(true)

      const seen = new Set<string>()
      for (let round = 0; round < 500; round++) {
        const result = await read().catch((error: unknown) => error)
        if (result instanceof Error) {
          expect(result).toBeInstanceOf(HostFileError)
          continue
        }
        const { entries } = result as Awaited<ReturnType<typeof read>>
        for (const [name, { header, content }] of entries) {
          expect(content, name).not.toContain('secret')
          if (name === 'race') seen.add(header.type)
        }
      }
      expect(seen).toContain('directory')
    } finally {
      swapper.kill('SIGKILL')
      await once(swapper, 'exit')
    }
  })
})

/** As a packer would that looks first and then opens by path. */
function readByPath(path: string): string | null {
  try {
    return lstatSync(path).isFile() ? readFileSync(path, 'utf8') : null
  } catch {
    return null
  }
}
