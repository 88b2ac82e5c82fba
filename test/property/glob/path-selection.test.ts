import fc from 'fast-check'
import picomatch from 'picomatch'
import { expect, test } from 'vitest'
import { compileSelection } from '../../../src/glob/index.js'

const name = fc.constantFrom('a', 'b', 'ab', '.a', 'b.c')
const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '*b', '.*', '[ab]', '{a,b.c}', '*.c')
const glob = fc.tuple(fc.boolean(), fc.array(segment, { minLength: 1, maxLength: 4 }))
const path = fc.array(name, { minLength: 1, maxLength: 5 })

/** What the documentation says, word for word: the last glob that matches the path or a folder above it decides. */
function isSelected(globs: readonly (readonly [boolean, readonly string[]])[], names: readonly string[]): boolean {
  let selected = false
  for (const [takesOut, segments] of globs) {
    const matches = picomatch(segments.join('/'), { dot: true, strictSlashes: true, noextglob: true })
    // A `**` at the end stands for what is below, which picomatch reads as the folder too.
    const least = segments.at(-1) === '**' ? segments.filter((one) => one !== '**').length + 1 : 1
    const above = names.map((_, at) => names.slice(0, at + 1)).filter(({ length }) => length >= least)
    if (above.some((folder) => matches(folder.join('/')))) selected = !takesOut
  }
  return selected
}

test('selects what picomatch selects, glob for glob', () => {
  fc.assert(
    fc.property(fc.array(glob, { minLength: 1, maxLength: 4 }), path, (globs, names) => {
      const root = compileSelection(globs.map(([takesOut, segments]) => (takesOut ? '!' : '') + segments.join('/')))
      const at = names.reduce((folder, one) => folder.child(one), root)
      expect(at.selected).toBe(isSelected(globs, names))
    }),
    { numRuns: 5_000 },
  )
})

test('a walk passes nothing that is selected further down', () => {
  fc.assert(
    fc.property(fc.array(glob, { minLength: 1, maxLength: 4 }), path, (globs, names) => {
      const root = compileSelection(globs.map(([takesOut, segments]) => (takesOut ? '!' : '') + segments.join('/')))
      let at = root
      const onTheWay = names.map((one) => {
        const { canHold } = at
        at = at.child(one)
        return canHold
      })
      if (at.selected) expect(onTheWay).not.toContain(false)
    }),
    { numRuns: 5_000 },
  )
})
