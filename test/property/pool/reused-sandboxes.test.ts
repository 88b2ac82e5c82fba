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

it('never gives one to another affinity, nor twice, and keeps no more than it may', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.nat(3), fc.nat(5), (actions, perAffinity, total) => {
      const reused = new ReusedSandboxes<Kept>({ perAffinity, total })
      let inside: Kept[] = []
      let id = 0
      for (const step of actions) {
        if ('add' in step) {
          const kept = { affinity: step.add, id: (id += 1) }
          const gone = reused.add(kept)
          inside = [...inside, kept].filter((other) => !gone.includes(other))
          for (const other of gone) expect(inside.every(({ id }) => id !== other.id)).toBe(true)
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
        expect(inside.length).toBeLessThanOrEqual(total)
        for (const name of new Set(inside.map((kept) => kept.affinity)))
          expect(inside.filter((kept) => kept.affinity === name).length).toBeLessThanOrEqual(perAffinity)
      }
      expect(reused.clear()).toEqual(inside)
      expect(reused.size).toBe(0)
    }),
  )
})
