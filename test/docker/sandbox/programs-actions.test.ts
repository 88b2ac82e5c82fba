import { afterEach, expect, it, vi } from 'vitest'
import { ContainerSandbox, type SandboxOptions } from '../../../src/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { rejection } from '../../helpers/sandboxes.js'

const made: ContainerSandbox[] = []
const started = async (options: SandboxOptions) => {
  const sandbox = new ContainerSandbox(options)
  made.push(sandbox)
  await sandbox.start()
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

it('a methods file answers actions and sends messages', async () => {
  const methods = writeProgram(`
    exports.methods = {
      'add two': (data) => data.n + 2,
      later: async (data) => ({ got: data }),
      tell: (data) => { process.send({ action: 'told', data }); process.send('second') },
      fail: () => { throw new Error('no luck') },
    }
  `)
  const sandbox = await started({ methods })
  const messages: unknown[] = []
  sandbox.on('message', (message) => messages.push(message))
  expect(await sandbox.action('add two', { n: 40 })).toBe(42)
  expect(await sandbox.action('later')).toEqual({})
  expect(await sandbox.action('tell', [1])).toBeUndefined()
  await vi.waitFor(() => expect(messages).toEqual([{ action: 'told', data: [1] }, 'second']))
  expect(await rejection(sandbox.action('fail'))).toMatchObject({ code: 'ERR_RPC', message: 'no luck' })
  for (const name of ['nothing', 'constructor', '__proto__', 'toString', 'hasOwnProperty'])
    expect(await rejection(sandbox.action(name, {}))).toMatchObject({ rpcCode: -32601 })
})

it('a reload keeps what is exposed', async () => {
  const program = writeProgram(
    `rpc.expose('twice', (n) => rpc.call('double', [n])); const start = Math.random(); rpc.expose('id', () => start)`,
  )
  const sandbox = await started({ program })
  sandbox.rpc.expose('double', (n: number) => 2 * n)
  expect(await sandbox.rpc.call('twice', [4])).toBe(8)
  const id = await sandbox.rpc.call('id')
  const pending = rejection(sandbox.rpc.call('never').catch(() => new Promise(() => undefined)))
  void pending
  await sandbox.reload()
  expect(await sandbox.rpc.call('twice', [5])).toBe(10)
  expect(await sandbox.rpc.call('id')).not.toBe(id)
})
