import { expect, test } from 'vitest'
import { compileSelection, GlobProblem, selectionProblem, type SelectedPath } from '../../../src/glob/index.js'

/** Where a walk that goes into every folder stands at a path. */
function at(globs: readonly string[], path: string): SelectedPath {
  return path.split('/').reduce((folder, name) => folder.child(name), compileSelection(globs))
}

test.each<[globs: string[], selected: string[], not: string[]]>([
  [['dist/**'], ['dist/a', 'dist/a/b', 'dist/.c'], ['dist', 'src', 'a/dist/b']],
  [['dist'], ['dist', 'dist/a', 'dist/a/b'], ['dist2', 'a/dist']],
  [['./dist/'], ['dist', 'dist/a'], ['a']],
  [['*.log'], ['a.log', '.log', 'a.log/b'], ['x/a.log', 'a.logs']],
  [['**/*.xml'], ['a.xml', 'a/b/c.xml', 'a/.d/e.xml'], ['a/b']],
  [['**/reports/*'], ['reports/a', 'x/reports/a/b'], ['reports', 'x/reports']],
  [['.'], ['a', 'a/b', '.git/config'], []],
  [['**'], ['a', 'a/b', '.git/config'], []],
  [
    ['*', '!.*'],
    ['a', 'a/.b'],
    ['.git', '.git/config'],
  ],
  [
    ['dist', '!dist/tmp'],
    ['dist', 'dist/a'],
    ['dist/tmp', 'dist/tmp/a'],
  ],
  [
    ['dist', '!dist/tmp', 'dist/tmp/keep'],
    ['dist/tmp/keep', 'dist/tmp/keep/a'],
    ['dist/tmp', 'dist/tmp/a'],
  ],
  [['!dist/tmp', 'dist'], ['dist/tmp'], []],
  [['!dist'], [], ['a', 'dist']],
  [
    ['**/*', '!**/*.map'],
    ['a', 'a/b.js'],
    ['a.map', 'a/b.map', 'x.map/a'],
  ],
  [['{a,b}/*.[ch]'], ['a/x.c', 'b/y.h'], ['a/x.o', 'c/x.c']],
  [
    ['\\!a', 'b\\*'],
    ['!a', 'b*'],
    ['a', 'bc'],
  ],
  [['ä/😀?'], ['ä/😀x', 'ä/😀\ufffd'], ['a/😀x']],
  [[], [], ['a']],
])('%j', (globs, selected, not) => {
  for (const path of selected) expect([path, at(globs, path).selected]).toEqual([path, true])
  for (const path of not) expect([path, at(globs, path).selected]).toEqual([path, false])
})

test.each<[globs: string[], into: string[], past: string[]]>([
  [['dist/a/*.js'], ['dist', 'dist/a'], ['src', 'dist/b', 'dist/a/x']],
  [['**/*.log'], ['a', 'a/b'], []],
  [['packages/*/out'], ['packages', 'packages/x', 'packages/x/out', 'packages/x/out/y'], ['packages/x/src']],
  [['**', '!node_modules'], ['a'], ['node_modules', 'node_modules/a']],
  [['**', '!node_modules', '**/*.log'], ['a', 'node_modules', 'node_modules/a'], []],
  [['*.log'], [], ['a', 'b.lo']],
])('%j: a walk goes where it must alone', (globs, into, past) => {
  for (const path of into) expect([path, at(globs, path).canHold]).toEqual([path, true])
  for (const path of past) expect([path, at(globs, path).canHold]).toEqual([path, false])
})

test('the folder itself can be selected', () => {
  expect(compileSelection(['.'])).toMatchObject({ selected: true, canHold: true })
  expect(compileSelection(['a'])).toMatchObject({ selected: false, canHold: true })
  expect(compileSelection([])).toMatchObject({ selected: false, canHold: false })
})

test('what is no glob is told', () => {
  expect(selectionProblem('dist/**')).toBeNull()
  expect(selectionProblem('!./**/*.map')).toBeNull()
  expect(selectionProblem('a[')).toMatch(/no counterpart/)
  expect(selectionProblem('!a**')).toMatch(/segment of its own/)
  expect(() => compileSelection(['{a}'])).toThrow(GlobProblem)
})

test('a long name does not backtrack', () => {
  const root = compileSelection(['**/*a*a*a*a*a*b', '!**/*b*b*b*b*c'])
  const begun = process.cpuUsage()
  let folder = root
  for (let depth = 0; depth < 16; depth += 1) folder = folder.child('ab'.repeat(127))
  expect(folder.selected).toBe(true)
  expect(process.cpuUsage(begun).user).toBeLessThan(1_000_000)
})
