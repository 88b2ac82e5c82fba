import { expect, test } from 'vitest'
import { LocalProgram } from '../../../helpers/local-program.ts'

const promised =
  `rpc console setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask
  structuredClone URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal performance Event EventTarget
  atob btoa Buffer Array Map Promise Intl WebAssembly`.split(/\s+/)
const absent = 'process global fetch WebSocket navigator crypto require module __filename'.split(' ')

test('a program sees what it is promised and nothing else of node', async () => {
  await using program = await LocalProgram.start()
  await program.load(`rpc.expose('missing', (...names) => names.filter((name) => {
    try { return (0, eval)('typeof ' + name) === 'undefined' } catch { return true }
  }))`)
  expect(await program.peer.call('missing', promised)).toEqual([])
  expect(await program.peer.call('missing', absent)).toEqual(absent)
})

test('values of calls and of built-in modules are of the classes that the program sees', async () => {
  await using program = await LocalProgram.start()
  await program.load(
    `rpc.expose('check', (list) => [list instanceof Array, Buffer.from('a') instanceof Uint8Array,
      require('fs').readFileSync('/dev/null') instanceof Uint8Array])`,
    ['fs'],
  )
  expect(await program.peer.call('check', [[1]])).toEqual([true, true, true])
})
