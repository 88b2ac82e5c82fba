import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { parseBuildOptions } from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const parse = (source: unknown) => parseBuildOptions({ tenant: 'a', steps: [{ run: 'x' }], source }).source
const stream = Readable.from([])

describe('accepted', () => {
  const git = { git: 'https://example.com/a.git', ref: null, depth: 1 }
  test.each<[given: unknown, wanted: unknown]>([
    [null, null],
    [undefined, null],
    [{ folder: 'a/../b' }, { folder: resolve('b') }],
    [{ tar: '/x.tgz' }, { tar: '/x.tgz' }],
    [{ tar: stream }, { tar: stream }],
    [{ git: 'https://example.com/a.git' }, git],
    [
      { git: 'ssh://git@example.com/a', ref: 'v1.2', depth: null },
      { git: 'ssh://git@example.com/a', ref: 'v1.2', depth: null },
    ],
    [
      { git: 'file:///srv/a.git', ref: 'refs/heads/main' },
      { git: 'file:///srv/a.git', ref: 'refs/heads/main', depth: 1 },
    ],
    [{ bundle: './a.bundle' }, { bundle: resolve('a.bundle'), ref: null }],
  ])('%j', (given, wanted) => {
    expect(parse(given)).toEqual(wanted)
  })
})

describe('refused', () => {
  test.each<[given: unknown, at: string, reason: RegExp]>([
    ['.', 'source', /\{ folder \}/],
    [5, 'source', /\{ folder \}/],
    [[], 'source', /\{ folder \}/],
    [{}, 'source.folder', /got undefined/],
    [{ folder: '' }, 'source.folder', /empty/],
    [{ folder: 'a\0' }, 'source.folder', /NUL/],
    [{ folder: 5 }, 'source.folder', /the path of a folder/],
    [{ folder: '.', depth: 1 }, 'source.depth', /unknown option \(known: folder\)/],
    [{ folder: '.', tar: 'x' }, 'source.tar', /unknown option/],
    [{ tar: '' }, 'source.tar', /./],
    [{ tar: 5 }, 'source.tar', /the path of a tar archive, or a readable stream/],
    [{ tar: Buffer.alloc(1) }, 'source.tar', /a readable stream/],
    [{ git: 'ext::sh -c id' }, 'source.git', /run commands/],
    [{ git: 'git@example.com:a/b' }, 'source.git', /other transports/],
    [{ git: '--upload-pack=id' }, 'source.git', /other transports/],
    [{ git: 'https://x/ y' }, 'source.git', /other transports/],
    [{ git: 'https://x/y\n' }, 'source.git', /other transports/],
    [{ git: 'https://x/\0' }, 'source.git', /NUL/],
    [{ git: `https://x/${'y'.repeat(2048)}` }, 'source.git', /2,058 bytes/],
    [{ git: 'https://x/y', ref: '--all' }, 'source.ref', /something else/],
    [{ git: 'https://x/y', ref: 'a..b' }, 'source.ref', /something else/],
    [{ git: 'https://x/y', ref: 'a:b' }, 'source.ref', /something else/],
    [{ git: 'https://x/y', ref: 'a.lock' }, 'source.ref', /something else/],
    [{ git: 'https://x/y', ref: '' }, 'source.ref', /a branch, tag or commit/],
    [{ git: 'https://x/y', depth: 0 }, 'source.depth', /1 to 1,000,000/],
    [{ git: 'https://x/y', branch: 'main' }, 'source.branch', /known: git, ref, depth/],
    [{ git: 'https://x/y', dept: 1 }, 'source.dept', /did you mean depth/],
    [{ bundle: 'x', ref: '-x' }, 'source.ref', /something else/],
    [{ bundle: 'x', depth: 1 }, 'source.depth', /known: bundle, ref/],
    [{ bundle: '' }, 'source.bundle', /empty/],
  ])('%j', (given, at, reason) => {
    const { message, issues } = refused(() => parse(given))
    expect(issues.map(({ path }) => path)).toContain(at)
    expect(message).toMatch(anyCase(reason))
  })
})
