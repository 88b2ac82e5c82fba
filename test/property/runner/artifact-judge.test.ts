import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ArtifactError } from '../../../src/errors.js'
import { compileSelection, type SelectedPath } from '../../../src/glob/index.js'
import { ArtifactJudge } from '../../../src/runner/artifacts/artifact-judge.js'
import type { ArchiveEntry } from '../../../src/sandbox/extract-archive.js'

type Tree = Map<string, Tree | null>

const name = fc.oneof(
  fc.constantFrom('a', 'a.b', 'A', 'b', '-', ' ', 'é', '\uffff', '😀', '\n'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).filter((text) => !/^\.{1,2}$|[/\0]/.test(text)),
)
const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { maxLength: 20 })
const globs = fc.array(fc.constantFrom('**', 'a', '!a', '*', '!*.b', '**/b', '!a/**', 'a/*', '?/?'), { maxLength: 4 })
const limits = { maxFiles: 1000, maxBytes: 1000, maxPathBytes: 4000 }

function treeOf(all: readonly (readonly string[])[]): Tree {
  const root: Tree = new Map()
  for (const segments of all) {
    let at = root
    for (const segment of segments) {
      const next = at.get(segment) ?? new Map<string, Tree | null>()
      at.set(segment, next)
      at = next
    }
  }
  return root
}

/** As the supervisor walks: each folder in the order of its names, and what a folder holds behind it. */
function* walk(tree: Tree, at: SelectedPath, above: readonly string[]): Generator<ArchiveEntry> {
  for (const segment of [...tree.keys()].sort()) {
    const below = tree.get(segment) ?? new Map<string, Tree | null>()
    const here = at.child(segment)
    const segments = [...above, segment]
    if (here.selected) yield { segments, type: below.size > 0 ? 'directory' : 'file', size: below.size > 0 ? 0 : 1 }
    if (here.canHold) yield* walk(below, here, segments)
  }
}

function admitAll(selection: readonly string[], entries: readonly ArchiveEntry[]): ArtifactJudge {
  const judge = new ArtifactJudge(compileSelection(selection), limits)
  for (const entry of entries) judge.admit(entry)
  return judge
}

test('everything that an honest walk sends is taken', () => {
  fc.assert(
    fc.property(paths, globs, (all, selection) => {
      const sent = [...walk(treeOf(all), compileSelection(selection), [])]
      const judge = admitAll(selection, sent)
      expect(judge.files.map(({ path }) => path)).toEqual(sent.map(({ segments }) => segments.join('/')))
      const folders = sent.flatMap(({ segments }) => segments.map((_, at) => segments.slice(0, at + 1).join('/')))
      expect(judge.entries).toBe(new Set(folders).size)
    }),
  )
})

test('an entry that comes again, early or late is refused', () => {
  fc.assert(
    fc.property(paths, fc.nat(), fc.nat(), (all, from, to) => {
      const sent = [...walk(treeOf(all), compileSelection(['**']), [])]
      if (sent.length < 2) return
      const [at, other] = [from % sent.length, to % sent.length]
      const moved = sent.filter((_, index) => index !== at)
      moved.splice(other, 0, sent[at] as ArchiveEntry)
      const repeated = sent.toSpliced(other, 0, sent[at] as ArchiveEntry)
      expect(() => admitAll(['**'], repeated)).toThrow(ArtifactError)
      // A folder that is not sent before what it holds is made all the same.
      if (other < at) expect(() => admitAll(['**'], moved)).toThrow(ArtifactError)
    }),
  )
})
