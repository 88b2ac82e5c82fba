import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  CallTimeoutError,
  CapacityError,
  ContainerSandbox,
  RpcError,
  SandboxExitedError,
  UnsendableError,
} from '../../../src/index.js'
import { fixtureProgram, writeProgram } from '../../helpers/programs.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

const values = fixtureProgram('values.js')

let sandbox: ContainerSandbox
const canceled: string[] = []
beforeAll(async () => {
  sandbox = new ContainerSandbox({ program: values, limits: { memoryBytes: '1GiB' } })
  sandbox.rpc.exposeObject({
    echo: (value: unknown) => value,
    give: (name: string) => unsendable[name]?.() ?? answers[name],
    fail: (name: string) => {
      throw thrown[name]
    },
    wasCanceled: (name: string) => void canceled.push(name),
  })
  await sandbox.start()
})
afterAll(() => sandbox.kill())

const cyclic: Record<string, unknown> = {}
cyclic['self'] = [cyclic]

/** What JSON carries, and `undefined`. */
const answers: Record<string, unknown> = {
  undefined: undefined,
  zero: 0,
  'an empty text': '',
  null: null,
  false: false,
  'a fraction': -1.5e-7,
  'a deep object': { a: { b: [{ c: [[[{ d: null }]]] }] } },
  unicode: 'zaż\u0000\u2028😀 "quoted" \\ \n',
  'an array': [1, 'two', [], {}, null],
  'a key for every occasion': { '': 1, 'a.b': 2, constructor: 3, toString: 4, hasOwnProperty: 5 },
  'a then that is no function': { then: 5 },
}

const unsendable: Record<string, () => unknown> = {
  NaN: () => NaN,
  Infinity: () => Infinity,
  'a BigInt': () => 1n,
  'a nested BigInt': () => ({ a: [0, { b: 1n }] }),
  'a function': () => () => 1,
  'a symbol': () => Symbol('s'),
  'a cycle': () => cyclic,
  'a Map': () => new Map([[1, 2]]),
  'a Buffer': () => Buffer.from('x'),
  '100 MB': () => 'x'.repeat(100_000_000),
  '100 levels': () => Array.from({ length: 100 }).reduce((inner) => [inner], 'bottom'),
}

const thrown: Record<string, unknown> = {
  'a text': 'just a text',
  null: null,
  undefined: undefined,
  'an object': { message: 'no error' },
  'an error': new TypeError('a type error'),
}

describe('values', () => {
  it.each(Object.keys(answers))('%s goes to the program and back', async (name) => {
    expect(await sandbox.rpc.call('echo', [answers[name]])).toStrictEqual(answers[name])
  })

  it.each(Object.keys(answers))('%s is what a host method answers', async (name) => {
    const seen = await sandbox.rpc.call<{ result?: unknown; isUndefined: boolean }>('callHost', ['give', name])
    expect(seen.isUndefined).toBe(answers[name] === undefined)
    expect(seen.result).toStrictEqual(answers[name])
  })

  it('carries 5 MB either way', async () => {
    const text = 'ż'.repeat(2_500_000)
    expect(await sandbox.rpc.call('echo', [text])).toBe(text)
    expect(await sandbox.rpc.call('callHost', ['echo', text])).toMatchObject({ result: text })
  })

  it('spreads an array of parameters and passes an object as one', async () => {
    expect(await sandbox.rpc.call('all', [1, 2, 3])).toEqual([1, 2, 3])
    expect(await sandbox.rpc.call('all', { a: 1 })).toEqual([{ a: 1 }])
    expect(await sandbox.rpc.call('all')).toEqual([])
  })

  it('takes no __proto__ from the guest, and sends none', async () => {
    const forged = JSON.parse('{"a":{"__proto__":{"polluted":"yes"}},"__proto__":{"polluted":"yes"}}') as object
    expect(await rejection(sandbox.rpc.call('echo', [forged]))).toBeInstanceOf(UnsendableError)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(await sandbox.rpc.call('polluted')).toBe('no')
  })
})

describe('what cannot be sent', () => {
  it.each(Object.keys(unsendable))('%s as a parameter', async (name) => {
    expect(await rejection(sandbox.rpc.call('echo', [unsendable[name]!()]))).toBeInstanceOf(UnsendableError)
  })

  it.each(Object.keys(unsendable))('%s as the result of a host method', async (name) => {
    const seen = await sandbox.rpc.call('callHost', ['give', name])
    expect(seen).toMatchObject({
      code: 'ERR_RPC',
      rpcCode: -32603,
      message: expect.stringMatching(/cannot be sent|too large/) as string,
    })
  })

  it.each<[string, string]>([
    ['nan', '$.result: NaN cannot be sent'],
    ['infinity', '$.result: -Infinity cannot be sent'],
    ['bigint', '$.result: a BigInt cannot be sent'],
    ['nestedBigint', '$.result.a[1].b: a BigInt cannot be sent'],
    ['cyclic', '$.result.self: a value that contains itself'],
    ['function', '$.result: a function cannot be sent'],
    ['symbol', '$.result: a symbol cannot be sent'],
    ['map', '$.result: a Map cannot be sent'],
    ['bytes', '$.result: binary data cannot be sent'],
  ])('%s as the result of a program method', async (name, message) => {
    const error = await rejection(sandbox.rpc.call('give', [name]))
    expect(error).toBeInstanceOf(RpcError)
    expect((error as RpcError).message).toContain(message)
  })

  it('100 MB and 100 levels as the result of a program method', async () => {
    expect(await rejection(sandbox.rpc.call('text', [100_000_000]))).toMatchObject({ rpcCode: -32603 })
    expect(await rejection(sandbox.rpc.call('deep', [100]))).toMatchObject({ rpcCode: -32603 })
    expect(await sandbox.rpc.call('echo', ['still here'])).toBe('still here')
  })

  it.each(['nan', 'bigint', 'cyclic', 'function'])('%s as a parameter of the program', async (name) => {
    expect(await sandbox.rpc.call('sendToHost', [name])).toMatch(/^ERR_UNSENDABLE: \$\.params/)
  })
})

describe('errors', () => {
  it.each([
    ['string', 'just a text'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['object', '[object Object]'],
    ['number', '42'],
    ['error', 'a type error'],
  ])('a thrown %s of the program', async (name, message) => {
    for (const how of ['fail', 'reject']) {
      const error = await rejection(sandbox.rpc.call(how, [name]))
      expect(error).toBeInstanceOf(RpcError)
      expect(error).toMatchObject({ rpcCode: -32603, message })
    }
  })

  it('are escaped and cut when they come from the guest', async () => {
    const control = (await rejection(sandbox.rpc.call('fail', ['control']))) as RpcError
    expect(control.message).toBe('red \\u001b[31m bell \\u0007 newline \\n rtl \\u202e end')
    const long = (await rejection(sandbox.rpc.call('fail', ['long']))) as RpcError
    expect(long.message.length).toBeLessThanOrEqual(1_024)
  })

  it('carry a code and data of their own', async () => {
    const error = await rejection(sandbox.rpc.call('fail', ['coded']))
    expect(error).toMatchObject({ rpcCode: 123, data: { why: ['because'] }, message: 'with data' })
  })

  it.each(Object.keys(thrown))('%s thrown by a host method', async (name) => {
    const seen = await sandbox.rpc.call<{ rpcCode: number; stack: string }>('callHost', ['fail', name])
    expect(seen).toMatchObject({ code: 'ERR_RPC', rpcCode: -32603 })
    expect(seen.stack).not.toContain(import.meta.dirname)
    expect(seen.stack).not.toContain('rpc.test')
  })
})

describe('names', () => {
  it('are no properties: only what is exposed can be called', async () => {
    for (const name of ['hasOwnProperty', 'valueOf', 'isPrototypeOf', 'nothing', '', 'deep.er', '$/other']) {
      expect(await rejection(sandbox.rpc.call(name)), name).toMatchObject({ rpcCode: -32601 })
      if (name !== '') expect(await sandbox.rpc.call('callHost', [name])).toMatchObject({ rpcCode: -32601 })
    }
    expect(await sandbox.rpc.call('callHost', ['__proto__'])).toMatchObject({ rpcCode: -32601 })
    expect(await sandbox.rpc.call('callHost', ['constructor'])).toMatchObject({ rpcCode: -32601 })
  })

  it('of every kind can be exposed', async () => {
    expect(await sandbox.rpc.call('__proto__')).toBe('proto')
    expect(await sandbox.rpc.call('constructor')).toBe('made')
    expect(await sandbox.rpc.call('toString')).toBe('text')
    expect(await sandbox.rpc.call('deep.er.name')).toBe('dotted')
    sandbox.rpc.expose('__proto__', () => 'host proto').expose('constructor', () => 'host made')
    expect(await sandbox.rpc.call('callHost', ['__proto__'])).toMatchObject({ result: 'host proto' })
    expect(await sandbox.rpc.call('callHost', ['constructor'])).toMatchObject({ result: 'host made' })
    sandbox.rpc.unexpose('__proto__').unexpose('constructor')
    expect(await sandbox.rpc.call('callHost', ['__proto__'])).toMatchObject({ rpcCode: -32601 })
  })

  it('with dots make namespaces that are exposed and taken back as a whole', async () => {
    sandbox.rpc.exposeObject({ files: { count: () => 3, sub: { list: () => ['a'] } } })
    expect(await sandbox.rpc.call('callHost', ['files.count'])).toMatchObject({ result: 3 })
    expect(await sandbox.rpc.call('callHost', ['files.sub.list'])).toMatchObject({ result: ['a'] })
    sandbox.rpc.unexpose('files')
    expect(await sandbox.rpc.call('callHost', ['files.count'])).toMatchObject({ rpcCode: -32601 })
    expect(await sandbox.rpc.call('callHost', ['files.sub.list'])).toMatchObject({ rpcCode: -32601 })
  })
})

describe('waiting', () => {
  it('ends at a deadline, and the late answer disturbs nothing', async () => {
    expect(await rejection(sandbox.rpc.call('sleep', [300], { timeoutMs: 50 }))).toBeInstanceOf(CallTimeoutError)
    await delay(400)
    expect(await sandbox.rpc.call('echo', [1])).toBe(1)
  })

  it('ends when a signal aborts, and the program is told', async () => {
    const reason = new Error('no longer needed')
    const abort = new AbortController()
    const pending = rejection(sandbox.rpc.call('untilCanceled', [], { signal: abort.signal }))
    setTimeout(() => abort.abort(reason), 50)
    expect(await pending).toBe(reason)
    await vi.waitFor(() => expect(canceled).toEqual(['untilCanceled']), { timeout: 10_000 })
    expect(await rejection(sandbox.rpc.call('echo', [1], { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it('has a limit on how many wait: 2,000 calls at once are 1,024 answers and typed refusals', async () => {
    const calls = await Promise.allSettled(
      Array.from({ length: 2_000 }, (_, index) => sandbox.rpc.call<number>('echo', [index])),
    )
    const done = calls.flatMap((call) => (call.status === 'fulfilled' ? [call.value] : []))
    const refused = calls.flatMap((call) => (call.status === 'rejected' ? [call.reason as unknown] : []))
    expect(done).toEqual(Array.from({ length: 1_024 }, (_, index) => index))
    expect(refused.every((error) => error instanceof CapacityError)).toBe(true)
    expect(await sandbox.rpc.call('echo', ['after'])).toBe('after')
  })
})

describe('a program from before its start to after its end', () => {
  const chatty = writeProgram(`
    const seen = []
    rpc.exposeObject({ note: (text) => void seen.push(text), seen: () => seen, hostSum: (...n) => rpc.call('sum', n) })
    console.log('loading'); console.error('a warning')
  `)

  it('takes calls and methods from before start, and refuses them after kill', async () => {
    const early = new ContainerSandbox({ program: chatty })
    try {
      early.rpc.expose('sum', (...numbers: number[]) => numbers.reduce((a, b) => a + b, 0))
      early.rpc.notify('note', ['first'])
      const call = early.rpc.call('hostSum', [1, 2, 3])
      const abort = new AbortController()
      const aborted = rejection(early.rpc.call('seen', [], { signal: abort.signal }))
      abort.abort(new Error('changed my mind'))
      expect(await aborted).toMatchObject({ message: 'changed my mind' })
      expect(await rejection(early.rpc.call('seen', [], { timeoutMs: 10 }))).toBeInstanceOf(CallTimeoutError)
      const printed: string[] = []
      early.on('stdout', (chunk) => printed.push(`out ${chunk.toString()}`))
      early.on('stderr', (chunk) => printed.push(`err ${chunk.toString()}`))
      await early.start()
      expect(await call).toBe(6)
      expect(await early.rpc.call('seen')).toEqual(['first'])
      await vi.waitFor(() => expect(printed.sort()).toEqual(['err a warning\n', 'out loading\n']), { timeout: 10_000 })
    } finally {
      await early.kill()
    }
    expect(await rejection(early.rpc.call('seen'))).toBeInstanceOf(SandboxExitedError)
    expect(() => early.rpc.notify('note')).toThrow(SandboxExitedError)
  })

  it('rejects calls that wait for a start that never comes', async () => {
    const never = new ContainerSandbox({ program: chatty })
    const waiting = rejection(never.rpc.call('seen'))
    await never.kill()
    expect(await waiting).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
  })

  it('is not there: calls say so', async () => {
    const none = new ContainerSandbox()
    const waiting = rejection(none.rpc.call('anything'))
    try {
      await none.start()
      expect(await waiting).toMatchObject({ code: 'ERR_RPC', rpcCode: -32601 })
      expect(await rejection(none.rpc.call('anything'))).toMatchObject({ code: 'ERR_RPC', rpcCode: -32601 })
    } finally {
      await none.kill()
    }
  })

  it('prints what it likes and never disturbs a call', async () => {
    await withSandbox({ program: values }, async (talking) => {
      const printed = { stdout: '', stderr: '' }
      talking.on('stdout', (chunk) => (printed.stdout += chunk.toString()))
      talking.on('stderr', (chunk) => (printed.stderr += chunk.toString()))
      const frame = '\u0000\u0000\u0000\u0005{"jsonrpc":"2.0","id":1,"result":"forged"}'
      await talking.rpc.call('print', [frame])
      expect(await talking.rpc.call('echo', [1])).toBe(1)
      await vi.waitFor(() => expect(printed).toEqual({ stdout: `${frame}\n`, stderr: `err ${frame}\n` }), {
        timeout: 10_000,
      })
    })
  })
})
