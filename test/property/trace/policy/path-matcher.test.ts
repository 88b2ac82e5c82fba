import fc from 'fast-check'
import picomatch from 'picomatch'
import { expect, test } from 'vitest'
import { escapeGlob, parseGlob, parsePath, parseSandboxOptions } from '../../../../src/options/index.js'
import type { TraceAccess } from '../../../../src/trace/event.js'
import { compileGlob } from '../../../../src/glob/index.js'
import { compilePolicy } from '../../../../src/trace/policy/index.js'
import { PathMatcher } from '../../../../src/trace/policy/path-matcher.js'

/** Few letters, so that names repeat and begin alike; special characters and bytes that are no text among them. */
const name = fc
  .string({ unit: fc.constantFrom('a', 'b', '.', '*', '[', '{', ',', '\n', 'é', '\udc80'), minLength: 1, maxLength: 4 })
  .filter((text) => text !== '.' && text !== '..')
const path = fc.array(name, { maxLength: 5 }).map((names) => `/${names.join('/')}`)
const paths = fc.array(path, { maxLength: 8 })

/** Prefix by segment, written as plainly as can be. */
function isCovered(entries: readonly string[], path: string): boolean {
  const segments = (text: string): string[] => text.split('/').filter((segment) => segment !== '')
  return entries.some((entry) => segments(entry).every((segment, index) => segments(path)[index] === segment))
}

const literal = (text: string) => parsePath(escapeGlob(text))
const reading = { withAncestors: true }
const plain = { withAncestors: false }

test('JK-D2: a path matches itself and what is below it, by segment', () => {
  fc.assert(
    fc.property(paths, path, (entries, tried) => {
      expect(new PathMatcher(entries.map(literal), plain).matches(tried)).toBe(isCovered(entries, tried))
    }),
    { numRuns: 1000 },
  )
})

test('JK-D2: a name that goes on is another name', () => {
  fc.assert(
    fc.property(path, name, path, (entry, more, rest) => {
      fc.pre(entry !== '/')
      const matcher = new PathMatcher([literal(entry)], reading)
      expect(matcher.matches(entry + more)).toBe(false)
      expect(matcher.matches(entry + more + rest)).toBe(false)
      expect(matcher.matches(entry + (rest === '/' ? '' : rest))).toBe(true)
    }),
  )
})

test('with ancestors, exactly the folders on the way match besides', () => {
  fc.assert(
    fc.property(paths, path, (entries, tried) => {
      const isAncestor = entries.some((entry) => isCovered([tried], entry))
      expect(new PathMatcher(entries.map(literal), reading).matches(tried)).toBe(
        isCovered(entries, tried) || isAncestor,
      )
    }),
    { numRuns: 1000 },
  )
})

/** Globs of which picomatch and this package say the same. */
const globName = fc
  .array(
    fc.oneof(
      { arbitrary: fc.constantFrom('a', 'b', 'ab', '.'), weight: 3 },
      fc.constantFrom('*', '?', '[ab]', '[^a]', '[a-b]', '{a,b}', '{ab,b*}', '{a,{b,.}}', '\\*', '\\['),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join('').replaceAll(/\*{2,}/g, '*'))
  .filter((text) => text !== '.' && text !== '..')
const glob = fc
  .array(fc.oneof({ arbitrary: globName, weight: 3 }, fc.constant('**')), { minLength: 1, maxLength: 4 })
  // Two in a row say nothing more than one.
  .map((names) => `/${names.filter((text, index) => text !== '**' || names[index - 1] !== '**').join('/')}`)
const globPath = fc
  .array(
    fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '*', '['), minLength: 1, maxLength: 4 })
      .filter((text) => text !== '.' && text !== '..'),
    { minLength: 1, maxLength: 5 },
  )
  .map((names) => `/${names.join('/')}`)

const PICOMATCH = { dot: true, noextglob: true, nonegate: true, literalBrackets: false, strictSlashes: true }

test('globs mean what they mean to picomatch', () => {
  fc.assert(
    fc.property(glob, globPath, (pattern, tried) => {
      // Below a folder: at the root picomatch takes '/**/' for one segment or more, elsewhere for none or more.
      const expected = picomatch.makeRe(`/r${pattern}`, PICOMATCH).test(`/r${tried}`)
      expect([pattern, tried, compileGlob(parseGlob(pattern))(tried)]).toEqual([pattern, tried, expected])
    }),
    { numRuns: 5000 },
  )
})

test('a glob among the entries matches as it does alone, wherever it begins', () => {
  fc.assert(
    fc.property(fc.array(glob, { maxLength: 5 }), globPath, (globs, tried) => {
      const alone = globs.some((text) => compileGlob(parseGlob(text))(tried))
      const covered = globs.map(parsePath).flatMap((parsed) => (parsed.kind === 'path' ? [parsed.path] : []))
      expect(new PathMatcher(globs.map(parsePath), plain).matches(tried)).toBe(alone || isCovered(covered, tried))
    }),
    { numRuns: 2000 },
  )
})

test('a path that is escaped is no glob', () => {
  fc.assert(
    fc.property(path, (text) => {
      expect(literal(text)).toEqual({ kind: 'path', path: text })
    }),
  )
})

const entry = fc.oneof(
  path.map(escapeGlob),
  glob,
  fc.constantFrom('@home', '@scratch', '@libraries', /a+b/, { regexp: '^/b' }),
)
const entries = fc.array(entry, { maxLength: 8 })
const context = { home: ['/a'], scratch: ['/b'], mounts: [] }

function judge(lists: object) {
  const policy = parseSandboxOptions({ trace: { read: [], write: [], exec: [], ...lists } }).trace?.policy
  if (policy == null) throw new Error('the policy judges nothing')
  const compiled = compilePolicy(policy, context)
  return (access: TraceAccess, tried: string) => compiled.allows({ access, path: tried, processId: 7 })
}

test('the order of entries and repetitions change nothing', () => {
  const shuffled = entries.chain((given) =>
    fc.tuple(fc.constant(given), fc.shuffledSubarray([...given, ...given], { minLength: given.length * 2 })),
  )
  fc.assert(
    fc.property(shuffled, fc.array(path), ([given, other], tried) => {
      const [first, second] = [judge({ read: given }), judge({ read: other })]
      for (const one of [...tried, ...tried]) expect(second('read', one)).toBe(first('read', one))
    }),
  )
})

test('JK-D4: an entry of one list gives nothing in another', () => {
  const accesses = ['read', 'write', 'exec'] as const
  fc.assert(
    fc.property(fc.constantFrom(...accesses), entries, path, (list, given, tried) => {
      const allows = judge({ [list]: given })
      for (const access of accesses) if (access !== list) expect(allows(access, tried)).toBe(false)
      expect(allows('connect', tried)).toBe(false)
    }),
  )
})
