import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { ArtifactError, HostFileError } from '../../../../src/errors.js'
import { collectArtifacts, type CollectedArtifacts } from '../../../../src/runner/artifacts/index.js'
import type { ContainerSandbox } from '../../../../src/sandbox/container-sandbox.js'
import { archiveStream, type ArchiveEntry } from '../../../helpers/archives.js'
import { rejection } from '../../../helpers/sandboxes.js'

let work: string
let target: string

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'artifacts-'))
  target = join(work, 'build/artifacts')
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

/** A sandbox whose supervisor sends these entries, whatever it was asked for. */
function sending(...entries: ArchiveEntry[]): Pick<ContainerSandbox, 'fs'> {
  return sendingBytes(archiveStream(...entries))
}

function sendingBytes(stream: Readable): Pick<ContainerSandbox, 'fs'> {
  const downloadArchive = async (_: string, consume: (archive: Readable) => Promise<unknown>) => ({
    consumed: await consume(stream),
    skipped: 0,
  })
  return { fs: { downloadArchive } as unknown as ContainerSandbox['fs'] }
}

function collect(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  paths: readonly string[],
  limits: { maxFiles?: number; maxBytes?: number } = {},
): Promise<CollectedArtifacts> {
  const artifacts = { paths, maxFiles: 100, maxBytes: 1000, ...limits }
  return collectArtifacts(sandbox, { workspace: '/w', artifacts, target, signal: AbortSignal.timeout(20_000) })
}

/** Neither artifacts nor anything beside them. */
function expectNothingLeft(): void {
  expect(existsSync(join(work, 'build')) ? readdirSync(join(work, 'build')) : []).toEqual([])
  expect(readdirSync(work).filter((name) => name !== 'build')).toEqual([])
}

it('keeps what was selected, and lists it sorted', async () => {
  const sent = sending(
    [{ name: 'a', type: 'directory', mode: 0o500 }],
    [{ name: 'a/x', mode: 0o4755 }, 'tool'],
    [{ name: 'a.b' }, 'dot'],
    [{ name: 'deep/er/y.log', mode: 0o600 }, 'y'],
    [{ name: 'deep/link.log', type: 'symlink', linkname: 'er/y.log' }],
  )
  expect(await collect(sent, ['a', 'a.b', '**/*.log'])).toEqual({
    files: [
      { path: 'a', type: 'directory', bytes: 0 },
      { path: 'a.b', type: 'file', bytes: 3 },
      { path: 'a/x', type: 'file', bytes: 4 },
      { path: 'deep/er/y.log', type: 'file', bytes: 1 },
      { path: 'deep/link.log', type: 'symlink', bytes: 0 },
    ],
    entries: 7,
    bytes: 8,
    skipped: 0,
  })
  expect(readFileSync(join(target, 'deep/link.log'), 'utf8')).toBe('y')
  expect(statSync(join(target, 'a/x')).mode & 0o7777).toBe(0o755)
  expect(readdirSync(join(work, 'build'))).toEqual(['artifacts'])
})

it('makes no folder when there is nothing', async () => {
  expect(await collect(sending(), ['**'])).toMatchObject({ files: [], entries: 0 })
  expect(await collect(sending([{ name: 'x' }]), [])).toMatchObject({ files: [], entries: 0 })
  expectNothingLeft()
})

describe('what a hostile supervisor sends is refused, and nothing is left', () => {
  it.each<[string, ArchiveEntry[], RegExp]>([
    ['not selected', [[{ name: 'b' }]], /which no glob selects: 'b'/],
    ['the folder itself', [[{ name: './', type: 'directory' }]], /out of order/],
    ['taken out', [[{ name: 'a/no' }]], /which no glob selects/],
    ['twice', [[{ name: 'a/x' }], [{ name: 'a/x' }]], /out of order/],
    ['twice by another name', [[{ name: 'a/x' }], [{ name: 'a//./x' }]], /out of order/],
    ['out of order', [[{ name: 'a/y' }], [{ name: 'a/x' }]], /out of order/],
    ['a folder after what it holds', [[{ name: 'a/x' }], [{ name: 'a', type: 'directory' }]], /out of order/],
    ['below a file', [[{ name: 'a' }, 'x'], [{ name: 'a/x' }]], /below something that is no folder/],
    ['below a link', [[{ name: 'a', type: 'symlink', linkname: 'b' }], [{ name: 'a/x' }]], /no folder/],
    ['climbing', [[{ name: 'a/../../x' }]], /climbs/],
    ['absolute', [[{ name: '/a' }]], /absolute/],
    ['link out', [[{ name: 'a/l', type: 'symlink', linkname: '../../x' }]], /leads out.*take it out with '!'/],
    ['absolute link', [[{ name: 'a/l', type: 'symlink', linkname: '/etc/passwd' }]], /leads out/],
    ['hard link', [[{ name: 'a/l', type: 'link', linkname: '/etc/passwd' }]], /sent a link/],
    ['device', [[{ name: 'a/d', type: 'character-device', devmajor: 1, devminor: 3 }]], /character-device/],
    ['fifo', [[{ name: 'a/f', type: 'fifo' }]], /fifo/],
    [
      'too many',
      Array.from({ length: 101 }, (_, n): ArchiveEntry => [{ name: `a/${1000 + n}` }]),
      /more than 100 files/,
    ],
    ['too deep', [[{ name: `a/${'d/'.repeat(100)}x` }]], /more than 100 files/],
    [
      'too much',
      [
        [{ name: 'a/x' }, 'x'.repeat(600)],
        [{ name: 'a/y' }, 'y'.repeat(600)],
      ],
      /more than 1000 bytes/,
    ],
    ['too long', [[{ name: `a/${'n'.repeat(200)}/`.repeat(19) + 'n' }]], /whose path has \d+ bytes/],
    ['with controls', [[{ name: 'b\u001b[2J\n\u202e' }]], /'b\\u001b\[2J\\n\\u202e'$/],
  ])('%s', async (_, entries, message) => {
    const error = await rejection(collect(sending(...entries), ['a', '!a/no']))
    expect(error).toBeInstanceOf(ArtifactError)
    expect((error as Error).message).toMatch(message)
    expectNothingLeft()
  })

  it('something that is no archive, or ends early', async () => {
    expect(await rejection(collect(sendingBytes(Readable.from([Buffer.alloc(2048, 7)])), ['a']))).toBeInstanceOf(
      ArtifactError,
    )
    const whole = execFileSync('tar', ['-c', '-C', '/etc', 'passwd'])
    expect(await rejection(collect(sendingBytes(Readable.from([whole.subarray(0, 700)])), ['**']))).toBeInstanceOf(
      ArtifactError,
    )
    expectNothingLeft()
  })
})

test('names of every kind are kept as they are', async () => {
  const names = [
    '.hidden',
    'A',
    'CON',
    'a',
    'a\nb',
    'a\u001b[31m',
    'dot.',
    'e\u0301',
    'x\\y',
    ' ',
    '\u202egnp',
    'é',
  ].sort()
  const sent = sending(...names.map((name): ArchiveEntry => [{ name }, name]))
  const { files } = await collect(sent, ['*'])
  expect(files.map(({ path }) => path)).toEqual(names)
  for (const name of names) expect(readFileSync(join(target, name), 'utf8')).toBe(name)
})

test('a target that holds something is left alone', async () => {
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, 'mine'), 'x')
  const error = await rejection(collect(sending([{ name: 'a' }]), ['a']))
  expect(error).toBeInstanceOf(HostFileError)
  expect(error).toMatchObject({ code: 'ENOTEMPTY' })
  expect(readdirSync(target)).toEqual(['mine'])
})

test('what an earlier runner left half done is replaced', async () => {
  mkdirSync(`${target}.partial/old`, { recursive: true })
  await collect(sending([{ name: 'a' }, 'x']), ['a'])
  expect(readdirSync(target)).toEqual(['a'])
  expect(readdirSync(join(work, 'build'))).toEqual(['artifacts'])
})
