import { expect, test } from 'vitest'
import { LocalProgram } from '../../../helpers/local-program.ts'
import { createBuiltinLoader } from '../../../../src/shovel/program/permissions.ts'

test.each(['fs', 'node:fs', 'fs/promises', 'node:fs/promises'])('`fs` permits %s', (name) => {
  expect(createBuiltinLoader(['fs'])(name)).toBeTypeOf('object')
})

test.each([
  ['net', "Module 'net' is not permitted; permissions: fs, crypto"],
  ['node:net', "Module 'node:net' is not permitted; permissions: fs, crypto"],
  ['lodash', "Module 'lodash' is not permitted (only built-in modules can be loaded); permissions: fs, crypto"],
  ['./own.js', "Module './own.js' is not permitted (only built-in modules can be loaded); permissions: fs, crypto"],
])('%s is refused in plain words', (name, message) => {
  expect(() => createBuiltinLoader(['fs', 'crypto'])(name)).toThrow(message)
})

test('without permissions there is no require, and import says so', async () => {
  await using program = await LocalProgram.start()
  await program.load(`rpc.expose('probe', async () => [typeof require, await import('fs').catch((e) => e.message)])`)
  expect(await program.peer.call('probe', [])).toEqual(['undefined', "Module 'fs' is not permitted; permissions: none"])
})
