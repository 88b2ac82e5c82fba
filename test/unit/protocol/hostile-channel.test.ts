/**
 * The host's end of the channel against a hostile inside: the cases of an attacker's list one by one, on the whole
 * stack (frames, streams, messages, calls), each with what must come of it.
 */
import { describe, expect, test } from 'vitest'
import {
  MAX_MESSAGE_BYTES,
  MessageDecoder,
  Multiplexer,
  ProtocolViolation,
  RpcPeer,
  WINDOW_BYTES,
} from '../../../src/protocol/index.js'
import { recordingReceiver, recordingSender } from '../../helpers/lone-multiplexer.js'
import { settle } from '../../helpers/rpc-pair.js'
import { credit, cut, data, end, frame, message, parseFrames, reset } from '../../helpers/wire.js'
import { heldBytes } from '../../helpers/memory.js'

/** A host as the sandbox builds it: one call pending (id 1), one method exposed, one stream each way (2 in, 3 out). */
function openHost() {
  let bytes: Buffer[] = []
  const violations: ProtocolViolation[] = []
  const outcomes: [kind: string, value: unknown][] = []
  const exposed: unknown[][] = []
  const multiplexer = new Multiplexer(
    {
      write(header, payload = Buffer.alloc(0)) {
        bytes.push(header, payload)
        return true
      },
    },
    { onControl: (chunk) => decoder.push(chunk), onViolation: (violation) => violations.push(violation) },
  )
  const peer = new RpcPeer({
    send: (encoded) => multiplexer.sendControl(encoded),
    onViolation(violation) {
      violations.push(violation)
      multiplexer.destroy()
    },
    queuedBytes: () => multiplexer.queuedControlBytes,
  })
  const decoder = new MessageDecoder((value) => peer.receive(value))
  peer.expose('ready', (...params: unknown[]) => void exposed.push(params))
  peer.call('observe').then(
    (result) => outcomes.push(['result', result]),
    (error: unknown) => outcomes.push(['error', error]),
  )
  const received = recordingReceiver()
  multiplexer.openReceiver(2, received.handlers)
  multiplexer.openSender(3, recordingSender().handlers)
  bytes = []
  return {
    peer,
    violations,
    outcomes,
    exposed,
    received,
    receive: (chunk: Buffer) => multiplexer.receive(chunk),
    /** One control message in one frame or in as many as it needs. */
    say(json: string | Buffer) {
      const whole = message(json)
      for (let at = 0; at < whole.length; at += 65_536) multiplexer.receive(data(0, whole.subarray(at, at + 65_536)))
    },
    answers: () => {
      const control = parseFrames(Buffer.concat(bytes)).filter(({ id }) => id === 0)
      const values: unknown[] = []
      new MessageDecoder((value) => values.push(value)).push(Buffer.concat(control.map(({ payload }) => payload)))
      bytes = []
      return values
    },
  }
}

const member = (text: string): string => `{"jsonrpc":"2.0",${text}}`

/** Lists in lists; the message around them adds one level. */
const nest = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`

describe('one message that no honest inside sends: the channel is closed with one violation', () => {
  test.each([
    ['text that is no JSON', 'hello'],
    ['a number', '1'],
    ['null', 'null'],
    ['a batch', `[${member('"method":"ready"')}]`],
    ['an empty batch', '[]'],
    ['an empty object', '{}'],
    ['no version', '{"method":"ready"}'],
    ['another version', '{"jsonrpc":"1.0","method":"ready"}'],
    ['a version that is a number', '{"jsonrpc":2.0,"method":"ready"}'],
    ['an unknown member', member('"method":"ready","extra":1')],
    ['a method that is no text', member('"id":1,"method":7')],
    ['a method of 257 characters', member(`"id":1,"method":"${'m'.repeat(257)}"`)],
    ['parameters that are text', member('"method":"ready","params":"x"')],
    ['parameters that are null', member('"method":"ready","params":null')],
    ['a call with id null', member('"id":null,"method":"ready"')],
    ['a call with id true', member('"id":true,"method":"ready"')],
    ['a call with an id that is a list', member('"id":[1],"method":"ready"')],
    ['a call with an id that is an object', member('"id":{},"method":"ready"')],
    ['a call with id 1.5', member('"id":1.5,"method":"ready"')],
    ['a call with id 1e300', member('"id":1e300,"method":"ready"')],
    ['a call with id 1e999', member('"id":1e999,"method":"ready"')],
    ['a call with an id of 65 characters', member(`"id":"${'i'.repeat(65)}","method":"ready"`)],
    ['a call and a response at once', member('"id":1,"method":"ready","result":1')],
    ['a result and an error', member('"id":1,"result":1,"error":{"code":1,"message":"x"}')],
    ['a result and a null error', member('"id":1,"result":1,"error":null')],
    ['neither', member('"id":1')],
    ['a response without id', member('"result":1')],
    ['a response with id null', member('"id":null,"result":1')],
    ['a response with our id as text', member('"id":"1","result":1')],
    ['a response with id 1.5', member('"id":1.5,"result":1')],
    ['an unknown reply', member('"id":2,"result":1')],
    ['an early reply to the next call', member('"id":2,"result":"guess"')],
    ['a reply with id 0', member('"id":0,"result":1')],
    ['a reply with a negative id', member('"id":-1,"result":1')],
    ['an error without message', member('"id":1,"error":{"code":1}')],
    ['an error with a code that is text', member('"id":1,"error":{"code":"1","message":"x"}')],
    ['an error with an unknown member', member('"id":1,"error":{"code":1,"message":"x","stack":"y"}')],
    ['an error that is text', member('"id":1,"error":"x"')],
    ['undefined: false', member('"id":1,"result":null,"undefined":false')],
    ['a result that is also undefined', member('"id":1,"result":1,"undefined":true')],
    ['64 levels in a result', member(`"id":1,"result":${nest(64)}`)],
    ['a million levels', member(`"id":1,"result":${'['.repeat(1_000_000)}`)],
    ['a million keys', member(`"id":1,"result":{${Array.from({ length: 1e6 }, (_, key) => `"${key}":0`).join()}}`)],
    ['invalid UTF-8', Buffer.concat([Buffer.from(member('"method":"')), Buffer.from([0xc3, 0x28])])],
    ['UTF-16', Buffer.from(member('"method":"ready"'), 'utf16le')],
    ['two cancellations in one', member('"method":"$/cancel","params":[1,2]')],
  ])('%s', async (_name, json) => {
    const host = openHost()
    host.say(json)
    // Nothing that comes later counts.
    host.say(member('"id":1,"result":"late"'))
    host.say(member('"method":"ready","params":[1]'))
    await settle()
    expect(host.violations).toHaveLength(1)
    expect(host.exposed).toEqual([])
    expect(host.outcomes.filter(([kind]) => kind === 'result')).toEqual([])
  })

  test('a second reply to the same call', async () => {
    const host = openHost()
    host.say(member('"id":1,"result":"first"'))
    host.say(member('"id":1,"result":"second"'))
    await settle()
    expect(host.outcomes).toEqual([['result', 'first']])
    expect(host.violations.map(({ detail }) => detail)).toEqual(['a response to a call that is not pending'])
  })

  test('a second call with an id that is not answered', () => {
    const host = openHost()
    host.peer.expose('slow', () => new Promise(() => undefined))
    host.say(member('"id":"same","method":"slow"'))
    host.say(member('"id":"same","method":"ready"'))
    expect(host.violations).toHaveLength(1)
    expect(host.exposed).toEqual([])
  })

  test('a message of 4 GiB, announced', () => {
    const host = openHost()
    host.receive(data(0, Buffer.from([255, 255, 255, 255])))
    expect(host.violations).toHaveLength(1)
  })
})

describe('frames that no honest inside sends', () => {
  test.each([
    ['of an unknown type', frame(0, 2)],
    ['of another protocol', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
    ['of the engine’s stream header', Buffer.from([1, 0, 0, 0, 0, 0, 0, 5, 0x68])],
    ['that end the control stream', end(0)],
    ['that reset the control stream', reset(0)],
    ['with credit for the control stream', credit(0, 1)],
    ['for a stream that is not open', data(4, 'x')],
    ['for the program’s stream when there is no program', data(1, 'x')],
    ['for the largest stream id', data(0xffff_ffff, 'x')],
    ['END for a stream that is not open', end(9)],
    ['RESET for a stream that is not open', reset(9)],
    ['credit for a stream that is not open', credit(9, 1)],
    ['data on a stream of the other direction', data(3, 'x')],
    ['END on a stream of the other direction', end(3)],
    ['credit on a stream of the other direction', credit(2, 1)],
    ['credit for what was never sent', credit(3, 1)],
    ['credit of nothing', credit(3, 0)],
    ['credit of 4 GiB', credit(3, 0xffff_ffff)],
    ['data after END', Buffer.concat([end(2), data(2, 'x')])],
    ['END twice', Buffer.concat([end(2), end(2)])],
    ['more than a window', Buffer.concat(Array.from({ length: 17 }, () => data(2, Buffer.alloc(65_536))))],
  ])('%s', (_name, bytes) => {
    for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.from([byte]))]) {
      const host = openHost()
      if (chunks.length > 100_000) continue
      for (const chunk of chunks) host.receive(chunk)
      host.receive(data(0, message(member('"method":"ready"'))))
      expect(host.violations).toHaveLength(1)
      expect(host.exposed).toEqual([])
    }
  })
})

describe('what is harmless is answered or ignored', () => {
  test('a call in the wrong direction: −32601, whatever it is named', () => {
    const host = openHost()
    const names = ['spawn', 'program.start', '__proto__', 'constructor', 'ready.constructor', 'toString', '']
    names.forEach((name, id) => host.say(member(`"id":${id},"method":${JSON.stringify(name)}`)))
    expect(host.answers()).toMatchObject(names.map((_name, id) => ({ id, error: { code: -32601 } })))
    expect(host.violations).toEqual([])
  })

  test('__proto__ in parameters and results changes no prototype', async () => {
    const host = openHost()
    const hostile =
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"a":[{"__proto__":[]}]}'
    host.say(member(`"method":"ready","params":[${hostile}]`))
    host.say(member(`"id":1,"result":${hostile}`))
    await settle()
    const [[parameter]] = host.exposed as [[object]]
    const [[, result]] = host.outcomes as [[string, object]]
    for (const value of [parameter, result]) {
      expect(Object.keys(value)).toEqual(['constructor', 'a'])
      expect('polluted' in Object.assign({}, value)).toBe(false)
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(host.violations).toEqual([])
  })

  test('__proto__ as a member of the message itself changes nothing', async () => {
    const host = openHost()
    host.say('{"jsonrpc":"2.0","__proto__":{"method":"ready"},"id":1,"result":{"then":"x"}}')
    await settle()
    expect(host.outcomes).toEqual([['result', { then: 'x' }]])
    expect(host.exposed).toEqual([])
  })

  test.each(['{"then":null}', '{"then":1}', '{"then":{"call":1}}', '{"then":[]}'])(
    'a result with then: %s',
    async (json) => {
      const host = openHost()
      host.say(member(`"id":1,"result":${json}`))
      await settle()
      expect(host.outcomes).toEqual([['result', JSON.parse(json)]])
    },
  )

  test('members that are named twice: the last counts', async () => {
    const host = openHost()
    host.say(member('"id":99,"id":1,"result":1,"result":2'))
    await settle()
    expect(host.outcomes).toEqual([['result', 2]])
  })

  test('63 levels in a result arrive', async () => {
    const host = openHost()
    host.say(member(`"id":1,"result":${nest(63)}`))
    await settle()
    expect([host.violations, host.outcomes.length]).toEqual([[], 1])
  })

  test('the text of an error is escaped and cut', async () => {
    const host = openHost()
    host.say(member(`"id":1,"error":{"code":-1,"message":"\\u001b]0;pwned\\u0007${'A'.repeat(100_000)}"}`))
    await settle()
    const [[, error]] = host.outcomes as [[string, Error]]
    expect(error.message).toMatch(/^\\u001b\]0;pwned\\u0007A+…$/)
    expect(error.message).toHaveLength(1_024)
  })

  test('a method that throws cannot break the channel', () => {
    const host = openHost()
    host.peer.expose('bad', () => {
      throw new ProtocolViolation('thrown by a method')
    })
    host.say(member('"id":1,"method":"bad"'))
    expect(host.violations).toEqual([])
    expect(host.answers()).toMatchObject([{ error: { code: -32603 } }])
  })
})

test('a conversation arrives the same, cut at every byte', async () => {
  const conversation = Buffer.concat([
    data(0, message(member('"method":"ready","params":[{"é":"😀"}]'))),
    data(2, 'abc'),
    data(0, message(member('"id":1,"result":[1,2]')).subarray(0, 9)),
    data(2, 'def'),
    data(0, message(member('"id":1,"result":[1,2]')).subarray(9)),
    end(2),
  ])
  for (let at = 0; at < conversation.length; at += 1) {
    const host = openHost()
    for (const chunk of cut(conversation, [at])) host.receive(chunk)
    await Promise.resolve()
    expect(host.violations).toEqual([])
    expect(host.exposed).toEqual([[{ é: '😀' }]])
    expect([String(host.received.bytes), host.received.events]).toEqual(['abcdef', ['end']])
    await settle()
    expect(host.outcomes).toEqual([['result', [1, 2]]])
  }
})

describe('memory', () => {
  test('an unfinished message is held once, in what has come of it', () => {
    const before = heldBytes()
    const host = openHost()
    const length = Buffer.alloc(4)
    length.writeUInt32BE(MAX_MESSAGE_BYTES)
    host.receive(data(0, length))
    // One byte per frame, the rest in full frames.
    for (let count = 0; count < 50_000; count += 1) host.receive(data(0, ' '))
    expect(heldBytes() - before).toBeLessThan(4 * 1_048_576)
    expect(host.violations).toEqual([])
  })

  test('silence costs nothing, and close rejects what waits for it', async () => {
    const host = openHost()
    host.peer.close(new Error('locked up'))
    await settle()
    expect(host.outcomes).toMatchObject([['error', { message: 'locked up' }]])
  })

  test('an inside that calls and never reads is ended', () => {
    const violations: ProtocolViolation[] = []
    const multiplexer = new Multiplexer(
      { write: () => false },
      { onControl: () => undefined, onViolation: (violation) => violations.push(violation) },
    )
    const peer = new RpcPeer({
      send: (encoded) => multiplexer.sendControl(encoded),
      onViolation: (violation) => violations.push(violation),
      queuedBytes: () => multiplexer.queuedControlBytes,
    })
    const big = 'x'.repeat(WINDOW_BYTES)
    peer.expose('big', () => big)
    let calls = 0
    for (; calls < 5_000_000 && violations.length === 0; calls += 1) {
      peer.receive({ jsonrpc: '2.0', id: calls, method: calls < 100 ? 'big' : 'n' })
    }
    expect(violations.map(({ detail }) => detail)).toEqual(['calls without reading the answers'])
    expect(multiplexer.queuedControlBytes).toBeLessThan(130 * 1_048_576)
  })
})
