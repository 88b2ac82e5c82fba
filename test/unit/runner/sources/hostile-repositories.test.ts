import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SourceError, UnsafeArchiveError } from '../../../../src/errors.js'
import { placeSource, type SourceContext } from '../../../../src/runner/sources/index.js'
import { treeEntries } from '../../../../src/runner/sources/git-tree.js'
import { Git } from '../../../../src/runner/sources/git-command.js'
import type { ContainerSandbox } from '../../../../src/sandbox/container-sandbox.js'
import { bundle, commit, commitTree, git, makeRepository, writeObject } from '../../../helpers/git-repositories.js'
import { rejection } from '../../../helpers/sandboxes.js'

let host: string
let path: string
/** Archives that were sent to their end. */
let sent: number
beforeEach(() => {
  host = mkdtempSync(join(tmpdir(), 'hostile-'))
  path = makeRepository(join(host, 'hostile'))
  commit(path, { file: 'x' })
  sent = 0
})
afterEach(() => rmSync(host, { recursive: true, force: true }))

/** Takes what goes in. What a sandbox does with it is not asked here. */
const sandbox = {
  fs: {
    async uploadPacked(stream: Readable) {
      for await (const chunk of stream) void chunk
      sent += 1
    },
  },
} as unknown as ContainerSandbox

function place(source: Parameters<typeof placeSource>[1], options: Partial<SourceContext> = {}) {
  const scratchDir = mkdtempSync(join(host, 'scratch-'))
  const limits = { maxBytes: 50_000_000, maxEntries: 1_000, signal: AbortSignal.timeout(30_000) }
  return placeSource(sandbox, source, { workspace: '/workspace', scratchDir, ...limits, ...options })
}

const blob = (content: string): string => writeObject(path, 'blob', content)

interface Named {
  readonly mode: string
  readonly name: string
  readonly object: string
}

function tree(entries: readonly Named[]): string {
  const parts = entries.flatMap(({ mode, name, object }) => [
    Buffer.from(`${mode} ${name}\0`),
    Buffer.from(object, 'hex'),
  ])
  return writeObject(path, 'tree', Buffer.concat(parts))
}

/** A file in folders, of which each may have any name. */
function nested(names: readonly string[]): void {
  let entry: Named = { mode: '100644', name: names.at(-1) ?? '', object: blob('[core]\n\tfsmonitor = touch /tmp/x\n') }
  for (const name of names.slice(0, -1).reverse()) entry = { mode: '40000', name, object: tree([entry]) }
  commitTree(path, [entry])
}

const plainLink = (name: string, target: string) => commitTree(path, [{ mode: '120000', name, object: blob(target) }])

const HOSTILE: [string, () => unknown][] = [
  ['a .git folder with a configuration', () => nested(['.git', 'config'])],
  ['a .GIT folder', () => nested(['.GIT', 'config'])],
  ['a folder git~1', () => nested(['git~1', 'config'])],
  ['a .git folder with a character that a file system ignores', () => nested(['.g\u200cit', 'config'])],
  ['a .git folder deeper down', () => nested(['sub', '.git', 'config'])],
  ['a link in the place of .git', () => plainLink('.git', '../x')],
  ['a folder ..', () => nested(['..', 'evil'])],
  ['a name with a slash', () => nested(['../evil'])],
  [
    'a link and a folder of one name',
    () =>
      commitTree(path, [
        { mode: '120000', name: 'd', object: blob('/etc') },
        { mode: '40000', name: 'd', object: tree([{ mode: '100644', name: 'passwd', object: blob('x') }]) },
      ]),
  ],
  [
    'a name that is not UTF-8',
    () => commitTree(path, [{ mode: '100644', name: Buffer.from([0x61, 0xff]), object: blob('x') }]),
  ],
  ['a link with a NUL', () => plainLink('l', 'a\0b')],
  ['a link of 5,000 bytes', () => plainLink('l', 'x'.repeat(5_000))],
]

it.each(HOSTILE)('%s is refused, from a repository and from a bundle', async (_name, make) => {
  make()
  for (const source of [
    { git: `file://${path}`, ref: null, depth: 1 },
    { bundle: bundle(path), ref: null },
  ]) {
    const error = await rejection(place(source))
    expect(error instanceof SourceError || error instanceof UnsafeArchiveError, String(error)).toBe(true)
  }
  expect(sent).toBe(0)
  expect(readdirSync(host).filter((name) => /evil|passwd/.test(name))).toEqual([])
})

it.each(HOSTILE.slice(0, -2))('%s is found by our own rules too, without the checks of git', async (_name, make) => {
  make()
  const names = new Git({
    repository: join(path, '.git'),
    home: host,
    protocol: 'file',
    maxBytes: 1_000_000,
    secrets: [],
    shown: 'it',
    signal: AbortSignal.timeout(10_000),
  })
  const list = async (): Promise<string[]> => {
    const found = []
    for await (const entry of treeEntries(names, 'main')) found.push(entry.path)
    return found
  }
  expect(await rejection(list())).toBeInstanceOf(UnsafeArchiveError)
  git(path, [
    'update-ref',
    'refs/heads/main',
    git(path, ['commit-tree', '-m', 'Good', tree([{ mode: '100644', name: '.gitignore', object: blob('x') }])]),
  ])
  expect(await list()).toEqual(['.gitignore'])
})

it('bombs are refused before anything is sent', async () => {
  commit(path, { zeros: Buffer.alloc(60_000_000) })
  const source = { git: `file://${path}`, ref: null, depth: 1 }
  expect(await rejection(place(source))).toMatchObject({ details: { why: 'has too many bytes' } })
  let entry: Named = { mode: '100644', name: 'n', object: blob('x') }
  for (let level = 0; level < 10; level += 1) {
    const inner = entry
    const entries = Array.from({ length: 10 }, (_, index) => ({ ...inner, name: `n${index}` }))
    entry = { mode: '40000', name: 'bomb', object: tree(entries) }
  }
  commitTree(path, [entry])
  expect(await rejection(place(source))).toMatchObject({ details: { why: 'has too many entries' } })
  let hollow = tree([])
  for (let level = 0; level < 10; level += 1) {
    hollow = tree(Array.from({ length: 10 }, (_, index) => ({ mode: '40000', name: `n${index}`, object: hollow })))
  }
  commitTree(path, [{ mode: '40000', name: 'hollow', object: hollow }])
  expect(await rejection(place(source))).toMatchObject({ details: { why: 'has too many entries' } })
  expect(sent).toBe(0)
})

it('more bytes than the cap are not even written to the disk', async () => {
  commit(path, { noise: randomBytes(8_000_000) })
  const scratchDir = join(host, 'small')
  mkdirSync(scratchDir)
  const error = await rejection(
    place({ git: `file://${path}`, ref: null, depth: 1 }, { maxBytes: 4_000_000, scratchDir }),
  )
  expect(error).toMatchObject({ code: 'ERR_SOURCE', details: { why: 'too large' } })
  const files = readdirSync(scratchDir, { recursive: true, encoding: 'utf8' }).map((name) => join(scratchDir, name))
  expect(Math.max(...files.map((file) => statSync(file).size))).toBe(4_000_000)
})

it('git runs with little memory, no large files, no capabilities and no way to gain one', async () => {
  const place = { repository: join(path, '.git'), home: host, maxBytes: 4_000_000, secrets: [], shown: 'it' }
  const limited = new Git({ ...place, protocol: 'https', signal: AbortSignal.timeout(10_000) })
  const show = 'alias.show-limits=!cat /proc/self/limits /proc/self/status'
  const shown = (await limited.run('-c', show, 'show-limits')).toString()
  expect(shown).toMatch(/^Max address space +2147483648 +2147483648 /m)
  expect(shown).toMatch(/^Max file size +4000000 +4000000 /m)
  expect(shown).toMatch(/^Max core file size +0 +0 /m)
  expect(shown).toMatch(/^NoNewPrivs:\t1$/m)
  expect(shown).toMatch(/^CapEff:\t0+\nCapBnd:\t0+\n/m)
})
