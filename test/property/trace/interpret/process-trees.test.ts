import fc from 'fast-check'
import { expect, test } from 'vitest'
import { interpret } from '../../../unit/trace/interpret/interpret-lines.js'
import { ProcessModel } from './process-model.js'

const step = fc.record({ who: fc.nat(13), what: fc.nat(11), choice: fc.nat(209) })

test('every look of a guest is told, with its folder, process and command, however forks, threads and execs are interleaved', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 250 }), (steps) => {
      const model = new ProcessModel()
      model.run(steps)
      const { accesses, interpreter } = interpret(model.lines)
      const told = new Map(accesses.map((event) => [event.file, event]))
      for (const name of model.silent) expect(told.has(name), `${name} is ours\n${model.lines.join('\n')}`).toBe(false)
      for (const [name, truth] of model.truths) {
        const event = told.get(name)
        expect(event?.pid, `${name} is told`).toBe(truth.pid)
        const said = {
          processId: event?.processId,
          commandId: event?.commandId,
          path: event?.path,
          argv: event?.command[0],
        }
        const known = Object.entries({ ...truth, pid: undefined }).filter(([, value]) => value != null)
        expect({ name, ...said }, model.lines.join('\n')).toMatchObject({ name, ...Object.fromEntries(known) })
      }
      expect(interpreter.threadCount, 'all that ended is forgotten').toBe(1)
    }),
    { numRuns: 600 },
  )
})
