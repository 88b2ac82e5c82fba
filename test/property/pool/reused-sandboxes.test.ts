import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ReusedSandboxes } from '../../../src/pool/reused-sandboxes.js'

interface Kept {
  readonly affinity: string | null
  readonly id: number
}

const affinity = fc.constantFrom('a', 'b', 'A', '', '__proto__', 'a/b')
const action = fc.oneof(
  fc.record({ add: affinity }),
  fc.record({ take: fc.option(affinity) }),
  fc.record({ remove: fc.nat(20) }),
)

const without = (all: readonly Kept[], gone: readonly Kept[]) => all.filter((kept) => !gone.includes(kept))
/** The oldest of one affinity, or of all, that are above a bound. */
function tooMany(all: readonly Kept[], affinity: string | null, bound: number): Kept[] {
  const alike = all.filter((kept) => affinity === null || kept.affinity === affinity)
  return alike.slice(0, Math.max(0, alike.length - bound))
}

it('never gives one to another affinity, nor twice, and lets the oldest go that are too many', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.nat(3), fc.nat(5), (actions, perAffinity, total) => {
      const reused = new ReusedSandboxes<Kept>({ perAffinity, total })
      let inside: Kept[] = []
      let id = 0
      for (const step of actions) {
        if ('add' in step) {
          const kept = { affinity: step.add, id: (id += 1) }
          inside.push(kept)
          const gone = tooMany(inside, kept.affinity, perAffinity)
          gone.push(...tooMany(without(inside, gone), null, total))
          expect(reused.add(kept)).toEqual(gone)
          inside = without(inside, gone)
        } else if ('take' in step) {
          const taken = reused.take(step.take)
          const own = inside.filter((kept) => step.take !== null && kept.affinity === step.take)
          expect(taken).toBe(own.at(-1))
          inside = inside.filter((kept) => kept !== taken)
        } else {
          const kept = inside.find(({ id }) => id === step.remove)
          expect(reused.remove(kept ?? { affinity: 'a', id: -1 })).toBe(kept !== undefined)
          inside = inside.filter((other) => other !== kept)
        }
        expect(reused.size).toBe(inside.length)
      }
      expect(reused.clear()).toEqual(inside)
      expect(reused.size).toBe(0)
    }),
  )
})
