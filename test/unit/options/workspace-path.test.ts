import { describe, expect, test } from 'vitest'
import { normalizeWorkspacePath, workspacePathProblem } from '../../../src/options/index.js'

test.each([
  ['.', '.'],
  ['./', '.'],
  ['a', 'a'],
  ['a/b', 'a/b'],
  ['./a//b/./c/', 'a/b/c'],
  ['..a/b..', '..a/b..'],
  ['a b/ü', 'a b/ü'],
  ['-x', '-x'],
])('%j is %j', (given, path) => {
  expect(workspacePathProblem(given)).toBeNull()
  expect(normalizeWorkspacePath(given)).toBe(path)
  expect(normalizeWorkspacePath(path)).toBe(path)
})

describe('refused', () => {
  test.each<[path: string, reason: RegExp]>([
    ['', /write '\.'/],
    ['/', /absolute/],
    ['/etc', /absolute/],
    ['..', /could leave/],
    ['../x', /could leave/],
    ['a/..', /could leave/],
    ['a/../b', /could leave/],
    ['a\0', /NUL/],
    ['\ud800', /surrogate/],
    ['x'.repeat(1025), /1,025 bytes/],
  ])('%j', (path, reason) => expect(workspacePathProblem(path)).toMatch(reason))
})
