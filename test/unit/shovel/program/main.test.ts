import { expect, test } from 'vitest'
import { LocalProgram } from '../../../helpers/local-program.ts'

test('a program answers calls, with positional parameters and with named ones', async () => {
  await using program = await LocalProgram.start()
  await program.load(`
    rpc.expose('add', (a, b) => a + b)
    rpc.exposeObject({ text: { upper: ({ value }) => value.toUpperCase() } })
  `)
  expect(await program.peer.call('add', [1, 2])).toBe(3)
  expect(await program.peer.call('text.upper', { value: 'abc' })).toBe('ABC')
  await expect(program.peer.call('nothing', [])).rejects.toMatchObject({ rpcCode: -32601 })
})

test.each([['undefined'], ['null'], ['0'], ["''"], ['false'], ['[undefined].length']])(
  'the result %s arrives as it is',
  async (text) => {
    await using program = await LocalProgram.start()
    await program.load(`rpc.expose('value', () => (${text}))`)
    expect(await program.peer.call('value', [])).toBe((0, eval)(text))
  },
)

test('a program calls the host and gets its errors', async () => {
  await using program = await LocalProgram.start()
  program.peer.expose('host.double', (n: number) => n * 2)
  program.peer.expose('host.fail', () => {
    throw new Error('no luck')
  })
  await program.load(`
    rpc.expose('viaHost', async (n) => (await rpc.call('host.double', [n])) + 1)
    rpc.expose('failing', () => rpc.call('host.fail', []).catch((error) => [error instanceof Error, error.message]))
  `)
  expect(await program.peer.call('viaHost', [20])).toBe(41)
  expect(await program.peer.call('failing', [])).toEqual([true, 'no luck'])
})

test('an object with a `then` that is no promise is awaited once', async () => {
  await using program = await LocalProgram.start()
  await program.load(`rpc.expose('thenable', () => ({ then: (resolve) => resolve({ done: 1 }) }))`)
  expect(await program.peer.call('thenable', [])).toEqual({ done: 1 })
})

test('console goes to the outputs, and a failure later ends the program with a word', async () => {
  await using program = await LocalProgram.start()
  await program.load(`console.log('hello'); console.error('oh'); setTimeout(() => { throw new Error('too late') }, 20)`)
  expect(await program.shovel.exitOf(0)).toMatchObject({ exitCode: 1, signal: null })
  expect((await program.stdout).toString()).toBe('hello\n')
  const words = (await program.stderr).toString()
  expect(words).toContain('oh\nError: too late\n    at Timeout')
  expect(words).toContain('guest.js:1:')
  expect(words).not.toContain('program.cjs')
})

test('a rejection that nobody handles ends the program', async () => {
  await using program = await LocalProgram.start()
  await program.load(`setTimeout(() => Promise.reject(new TypeError('unseen')), 5)`)
  expect(await program.shovel.exitOf(0)).toMatchObject({ exitCode: 1 })
  expect((await program.stderr).toString()).toContain('TypeError: unseen')
})

test('fork runs node although the loader is what is executed', async () => {
  await using program = await LocalProgram.start()
  await program.load(
    `
    const { fork } = require('child_process')
    const { writeFileSync } = require('fs')
    rpc.expose('fork', () => {
      writeFileSync('child.cjs', 'process.once("message", (n) => process.send(n + 1, () => process.exit()))')
      const child = fork('./child.cjs')
      child.send(41)
      return new Promise((resolve, reject) => { child.once('message', resolve); child.once('error', reject) })
    })`,
    ['child_process', 'fs'],
  )
  expect(await program.peer.call('fork', [])).toBe(42)
})

test('a program that is busy answers no ping, and one that is not does', async () => {
  await using program = await LocalProgram.start()
  await program.load(`rpc.expose('spin', () => { for (;;); })`)
  expect(await program.peer.call('$/ping', [])).toEqual({})
  const spinning = program.peer.call('spin', [])
  spinning.catch(() => undefined)
  await expect(program.peer.call('$/ping', [], { timeoutMs: 200 })).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT' })
  expect(await program.shovel.peer.call('ping', {})).toEqual({})
})
