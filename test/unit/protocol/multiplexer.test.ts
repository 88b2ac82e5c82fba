import { describe, expect, test } from 'vitest'
import { CapacityError, InvalidStateError } from '../../../src/errors.js'
import { FrameType, MAX_FRAME_PAYLOAD_BYTES, ProtocolViolation, WINDOW_BYTES } from '../../../src/protocol/index.js'
import { loneMultiplexer, recordingReceiver, recordingSender } from '../../helpers/lone-multiplexer.js'
import { credit, data, end, reset } from '../../helpers/wire.js'

const WINDOW = Buffer.alloc(WINDOW_BYTES, 'w')

/** As many full frames as one window holds. */
const windowFrames = (id: number): Buffer =>
  Buffer.concat(Array.from({ length: 16 }, () => data(id, WINDOW.subarray(0, MAX_FRAME_PAYLOAD_BYTES))))

describe('control messages', () => {
  test('are split at the frame size', () => {
    const lone = loneMultiplexer()
    lone.multiplexer.sendControl(Buffer.alloc(150_000))
    expect(lone.written().map(({ id, payload }) => [id, payload.length])).toEqual([
      [0, 65_536],
      [0, 65_536],
      [0, 18_928],
    ])
  })

  test('arrive as they come', () => {
    const chunks: string[] = []
    const lone = loneMultiplexer({ onControl: (chunk) => chunks.push(String(chunk)) })
    lone.multiplexer.receive(Buffer.concat([data(0, 'ab'), data(0, 'c')]))
    expect(chunks).toEqual(['ab', 'c'])
  })

  test('go before all data that is queued, and data goes on in turn', () => {
    const lone = loneMultiplexer()
    const [first, second] = [2, 3].map((id) => lone.multiplexer.openSender(id, recordingSender().handlers))
    lone.writable = false
    first?.write(Buffer.alloc(3 * MAX_FRAME_PAYLOAD_BYTES))
    second?.write(Buffer.alloc(2 * MAX_FRAME_PAYLOAD_BYTES))
    second?.end()
    lone.multiplexer.sendControl(Buffer.from('now'))
    expect(lone.multiplexer.queuedControlBytes).toBe(11)
    lone.writable = true
    lone.multiplexer.drained()
    expect(lone.written().map(({ type, id }) => `${type}:${id}`)).toEqual([
      '1:2',
      '1:0',
      '1:2',
      '1:3',
      '1:2',
      '1:3',
      '2:3',
    ])
    expect(lone.multiplexer.queuedControlBytes).toBe(0)
  })
})

describe('a full transport', () => {
  test('gets nothing more until it has drained, then one frame per write', () => {
    const lone = loneMultiplexer()
    lone.writable = false
    const sender = lone.multiplexer.openSender(2, recordingSender().handlers)
    sender.write(Buffer.alloc(3 * MAX_FRAME_PAYLOAD_BYTES))
    expect(lone.written()).toHaveLength(1)
    sender.write(Buffer.from('x'))
    lone.multiplexer.sendControl(Buffer.from('x'))
    expect(lone.written()).toHaveLength(0)
    lone.multiplexer.drained()
    expect(lone.written().map(({ id }) => id)).toEqual([0])
    lone.multiplexer.drained()
    expect(lone.written().map(({ id }) => id)).toEqual([2])
  })

  test('that drains while it writes is not taken for full', () => {
    let written = 0
    const lone = loneMultiplexer()
    const { multiplexer } = lone
    Object.assign(multiplexer['outgoing']['transport'], {
      write() {
        written += 1
        multiplexer.drained()
        return false
      },
    })
    const sender = multiplexer.openSender(2, recordingSender().handlers)
    sender.write(Buffer.alloc(2 * MAX_FRAME_PAYLOAD_BYTES))
    expect(written).toBe(2)
  })
})

describe('a sender', () => {
  test('stops after one window, and goes on by as much as it gets credit', () => {
    const lone = loneMultiplexer()
    const sender = lone.multiplexer.openSender(2, recordingSender().handlers)
    expect(sender.write(WINDOW)).toBe(true)
    expect(sender.write(Buffer.from('abc'))).toBe(true)
    sender.end()
    expect(lone.written().reduce((sum, { payload }) => sum + payload.length, 0)).toBe(WINDOW_BYTES)
    lone.multiplexer.receive(credit(2, 2))
    expect(lone.written().map(({ payload }) => String(payload))).toEqual(['ab'])
    lone.multiplexer.receive(credit(2, 1))
    expect(lone.written().map(({ type, payload }) => [type, String(payload)])).toEqual([
      [FrameType.Data, 'c'],
      [FrameType.End, ''],
    ])
  })

  test('says when a window is queued, and once when less than half of one is', () => {
    const lone = loneMultiplexer()
    const recorded = recordingSender()
    const sender = lone.multiplexer.openSender(2, recorded.handlers)
    sender.write(WINDOW)
    expect(sender.write(WINDOW.subarray(1))).toBe(true)
    expect(sender.write(Buffer.from('x'))).toBe(false)
    expect(sender.queuedBytes).toBe(WINDOW_BYTES)
    lone.multiplexer.receive(credit(2, WINDOW_BYTES / 2))
    expect(recorded.events).toEqual([])
    lone.multiplexer.receive(credit(2, WINDOW_BYTES / 2))
    expect(recorded.events).toEqual(['writable'])
  })

  test('sends END without credit when nothing is queued, once', () => {
    const lone = loneMultiplexer()
    const sender = lone.multiplexer.openSender(2, recordingSender().handlers)
    sender.write(WINDOW)
    lone.written()
    sender.end()
    sender.end()
    expect(sender.write(Buffer.from('late'))).toBe(false)
    expect(lone.written().map(({ type }) => type)).toEqual([FrameType.End])
    expect(lone.multiplexer.openStreams).toBe(0)
  })

  test('never sends an empty DATA frame', () => {
    const lone = loneMultiplexer()
    const sender = lone.multiplexer.openSender(2, recordingSender().handlers)
    expect(sender.write(Buffer.alloc(0))).toBe(true)
    sender.end()
    expect(lone.written().map(({ type }) => type)).toEqual([FrameType.End])
  })
})

describe('a receiver', () => {
  test('returns credit in steps of half a window', () => {
    const lone = loneMultiplexer()
    const receiver = lone.multiplexer.openReceiver(2, recordingReceiver().handlers)
    lone.multiplexer.receive(windowFrames(2))
    receiver.consumed(WINDOW_BYTES / 2 - 1)
    expect(lone.written()).toEqual([])
    receiver.consumed(1)
    expect(lone.written()).toEqual([{ type: FrameType.Credit, id: 2, payload: Buffer.from([0, 8, 0, 0]) }])
    receiver.consumed(WINDOW_BYTES / 2)
    expect(lone.written()).toHaveLength(1)
  })

  test('puts credit together while the transport is full', () => {
    const lone = loneMultiplexer()
    lone.writable = false
    const receiver = lone.multiplexer.openReceiver(2, recordingReceiver().handlers)
    lone.multiplexer.sendControl(Buffer.from('x'))
    lone.written()
    lone.multiplexer.receive(windowFrames(2))
    receiver.consumed(WINDOW_BYTES / 2)
    receiver.consumed(WINDOW_BYTES / 2)
    lone.writable = true
    lone.multiplexer.drained()
    expect(lone.written().map(({ payload }) => payload.readUInt32BE(0))).toEqual([WINDOW_BYTES])
  })

  test('accepts one window, and not a byte more', () => {
    const lone = loneMultiplexer()
    lone.multiplexer.openReceiver(2, recordingReceiver().handlers)
    lone.multiplexer.receive(windowFrames(2))
    expect(lone.violations).toEqual([])
    lone.multiplexer.receive(data(2, 'x'))
    expect(lone.violations.map(String)).toEqual([
      'ProtocolViolation: protocol violation: stream 2 sent more than its credit',
    ])
  })

  test('consumed but not returned credit is no credit', () => {
    const lone = loneMultiplexer()
    const receiver = lone.multiplexer.openReceiver(2, recordingReceiver().handlers)
    lone.multiplexer.receive(windowFrames(2))
    receiver.consumed(1_000)
    lone.multiplexer.receive(data(2, 'x'))
    expect(lone.violations).toHaveLength(1)
  })

  test('refuses to give back more than was delivered', () => {
    const lone = loneMultiplexer()
    const receiver = lone.multiplexer.openReceiver(2, recordingReceiver().handlers)
    lone.multiplexer.receive(data(2, 'abc'))
    for (const bytes of [4, -1, NaN, 1.5]) expect(() => receiver.consumed(bytes)).toThrow(RangeError)
    receiver.consumed(3)
    expect(() => receiver.consumed(1)).toThrow(RangeError)
  })

  test('gets all data, then END, then nothing', () => {
    const lone = loneMultiplexer()
    const recorded = recordingReceiver()
    const receiver = lone.multiplexer.openReceiver(2, recorded.handlers)
    lone.multiplexer.receive(Buffer.concat([data(2, 'ab'), data(2, 'c'), end(2)]))
    expect(String(recorded.bytes)).toBe('abc')
    expect(recorded.events).toEqual(['end'])
    receiver.consumed(3)
    receiver.reset(1)
    expect(lone.written()).toEqual([])
    expect(lone.multiplexer.openStreams).toBe(0)
  })

  test('a handler that throws surfaces as uncaught and leaves the channel whole', async () => {
    const lone = loneMultiplexer()
    const uncaught = new Promise((resolve) => {
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other)
        resolve(error)
      })
    })
    const recorded = recordingReceiver()
    lone.multiplexer.openReceiver(2, {
      ...recorded.handlers,
      onData: () => {
        throw new Error('a defect of the caller')
      },
    })
    lone.multiplexer.receive(Buffer.concat([data(2, 'a'), end(2)]))
    expect(await uncaught).toEqual(new Error('a defect of the caller'))
    expect(recorded.events).toEqual(['end'])
    expect(lone.violations).toEqual([])
  })

  test('a violation that a handler finds counts as the peer’s', () => {
    const lone = loneMultiplexer()
    lone.multiplexer.openReceiver(1, {
      ...recordingReceiver().handlers,
      onData: () => {
        throw new ProtocolViolation('bad message')
      },
    })
    lone.multiplexer.receive(data(1, 'x'))
    expect(lone.violations.map(({ detail }) => detail)).toEqual(['bad message'])
  })
})

describe('a million frames of one byte', () => {
  test('are put together for a consumer that is behind', async () => {
    const lone = loneMultiplexer()
    const chunks: Buffer[] = []
    const receiver = lone.multiplexer.openReceiver(2, {
      ...recordingReceiver().handlers,
      onData: (chunk) => chunks.push(chunk),
    })
    const frames = Buffer.concat(Array.from({ length: 8_192 }, (_, index) => data(2, Buffer.from([index]))))
    for (let sent = 0; sent < WINDOW_BYTES; sent += 8_192) lone.multiplexer.receive(frames)
    expect(chunks.length).toBeLessThan(65_536 + 16)
    const held = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    expect(held).toBeGreaterThanOrEqual(WINDOW_BYTES - 65_536)
    receiver.consumed(held)
    await Promise.resolve()
    const all = Buffer.concat(chunks)
    expect(all.length).toBe(WINDOW_BYTES)
    expect(all.every((byte, index) => byte === (index & 255))).toBe(true)
  })

  test('reach a consumer that keeps up one by one', () => {
    const lone = loneMultiplexer()
    const chunks: Buffer[] = []
    const receiver = lone.multiplexer.openReceiver(2, {
      ...recordingReceiver().handlers,
      onData(chunk) {
        chunks.push(chunk)
        receiver.consumed(chunk.length)
      },
    })
    for (let sent = 0; sent < 100; sent += 1) lone.multiplexer.receive(data(2, 'x'))
    expect(chunks).toHaveLength(100)
  })

  test.each([
    ['END', end(2), 'end'],
    ['RESET', reset(2, 5), 'reset 5'],
  ])('are delivered before %s', (_name, last, event) => {
    const lone = loneMultiplexer()
    const recorded = recordingReceiver()
    lone.multiplexer.openReceiver(2, recorded.handlers)
    lone.multiplexer.receive(Buffer.concat([data(2, Buffer.alloc(65_536)), data(2, 'a'), data(2, 'b')]))
    expect(recorded.bytes.length).toBe(65_536)
    lone.multiplexer.receive(last)
    expect(String(recorded.bytes.subarray(65_536))).toBe('ab')
    expect(recorded.events).toEqual([event])
  })
})

describe('opening', () => {
  test.each([0, -1, 1.5, NaN, 2 ** 32])('id %s is refused', (id) => {
    const { multiplexer } = loneMultiplexer()
    expect(() => multiplexer.openReceiver(id, recordingReceiver().handlers)).toThrow(RangeError)
    expect(() => multiplexer.openSender(id, recordingSender().handlers)).toThrow(RangeError)
  })

  test('an id that is open or was ended is refused', () => {
    const { multiplexer } = loneMultiplexer()
    const sender = multiplexer.openSender(2, recordingSender().handlers)
    expect(() => multiplexer.openSender(2, recordingSender().handlers)).toThrow('stream 2 was used before')
    sender.end()
    expect(() => multiplexer.openSender(2, recordingSender().handlers)).toThrow('stream 2 was used before')
  })

  test('more streams than allowed are refused, until one has closed', () => {
    const { multiplexer } = loneMultiplexer({ maxStreams: 2 })
    multiplexer.openReceiver(1, recordingReceiver().handlers)
    const sender = multiplexer.openSender(1, recordingSender().handlers)
    expect(() => multiplexer.openReceiver(2, recordingReceiver().handlers)).toThrow(CapacityError)
    sender.end()
    multiplexer.openReceiver(2, recordingReceiver().handlers)
    expect(multiplexer.openStreams).toBe(2)
  })
})

describe('destroy', () => {
  test('releases all, calls no handler, sends and takes nothing more', () => {
    const lone = loneMultiplexer({ onControl: () => expect.unreachable() })
    lone.writable = false
    const [received, sent] = [recordingReceiver(), recordingSender()]
    const receiver = lone.multiplexer.openReceiver(2, received.handlers)
    const sender = lone.multiplexer.openSender(3, sent.handlers)
    lone.multiplexer.receive(data(2, 'x'))
    lone.multiplexer.sendControl(Buffer.alloc(1_000))
    sender.write(WINDOW)
    lone.written()
    lone.multiplexer.destroy()
    lone.multiplexer.destroy()
    lone.writable = true
    lone.multiplexer.drained()
    lone.multiplexer.receive(Buffer.concat([end(2), data(0, 'x'), data(9, 'x')]))
    lone.multiplexer.sendControl(Buffer.from('x'))
    receiver.consumed(1)
    receiver.reset(1)
    sender.end()
    sender.reset(1)
    expect(sender.write(WINDOW)).toBe(false)
    expect([sender.queuedBytes, lone.multiplexer.queuedControlBytes, lone.multiplexer.openStreams]).toEqual([0, 0, 0])
    expect([lone.written(), received.events, sent.events, lone.violations]).toEqual([[], [], [], []])
    expect(() => lone.multiplexer.openSender(4, recordingSender().handlers)).toThrow(InvalidStateError)
  })

  test('from within a handler stops the chunk that is being received', () => {
    const lone = loneMultiplexer()
    const recorded = recordingReceiver()
    lone.multiplexer.openReceiver(2, { ...recorded.handlers, onData: () => lone.multiplexer.destroy() })
    lone.multiplexer.receive(Buffer.concat([data(2, 'x'), end(2), data(77, 'x')]))
    expect(recorded.events).toEqual([])
    expect(lone.violations).toEqual([])
  })
})
