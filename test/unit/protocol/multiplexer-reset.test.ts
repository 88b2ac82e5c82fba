import { describe, expect, test } from 'vitest'
import { FrameType, MAX_FRAME_PAYLOAD_BYTES, WINDOW_BYTES } from '../../../src/protocol/index.js'
import { MAX_CLOSED_STREAMS } from '../../../src/protocol/limits.js'
import { loneMultiplexer, recordingReceiver, recordingSender } from '../../helpers/lone-multiplexer.js'
import { credit, data, end, reset } from '../../helpers/wire.js'

const kinds = (frames: { readonly type: number; readonly id: number }[]): string[] =>
  frames.map(({ type, id }) => `${type}:${id}`)

/** A receiver of stream 2 that was reset after it got 10 bytes. */
function resetReceiver() {
  const lone = loneMultiplexer()
  const recorded = recordingReceiver()
  const receiver = lone.multiplexer.openReceiver(2, recorded.handlers)
  lone.multiplexer.receive(data(2, '0123456789'))
  receiver.reset(7)
  receiver.reset(8)
  return { ...lone, recorded, frames: lone.written() }
}

describe('a receiver that we reset', () => {
  test('tells the sender once, with the code', () => {
    const { frames, recorded } = resetReceiver()
    expect(frames).toEqual([{ type: FrameType.Reset, id: 2, payload: Buffer.from([0, 0, 0, 7]) }])
    expect(recorded.events).toEqual([])
  })

  test.each([
    ['data up to the window, then END', [data(2, 'late'), data(2, 'r'), end(2)]],
    ['data, then RESET as the answer', [data(2, 'late'), reset(2)]],
    ['RESET at once', [reset(2)]],
    [
      'the rest of the window',
      [
        ...Array.from({ length: 15 }, () => data(2, Buffer.alloc(MAX_FRAME_PAYLOAD_BYTES))),
        data(2, Buffer.alloc(MAX_FRAME_PAYLOAD_BYTES - 10)),
      ],
    ],
  ])('drops what is on its way: %s', (_name, frames) => {
    const { multiplexer, recorded, violations } = resetReceiver()
    for (const frame of frames) multiplexer.receive(frame)
    expect(recorded.chunks).toHaveLength(1)
    expect(recorded.events).toEqual([])
    expect(violations).toEqual([])
  })

  test.each([
    ['data after the answer', [reset(2), data(2, 'x')]],
    ['a second answer', [reset(2), reset(2)]],
    ['data after END', [end(2), data(2, 'x')]],
    ['a second END', [end(2), end(2)]],
    ['RESET after END', [end(2), reset(2)]],
    ['credit', [credit(2, 1)]],
    ['more than the window', [...Array.from({ length: 16 }, () => data(2, Buffer.alloc(MAX_FRAME_PAYLOAD_BYTES)))]],
  ])('allows no more than an honest peer sends: %s', (_name, frames) => {
    const { multiplexer, violations } = resetReceiver()
    for (const frame of frames) multiplexer.receive(frame)
    expect(violations).toHaveLength(1)
  })

  test('can be reset while it is handed data', () => {
    const lone = loneMultiplexer()
    const recorded = recordingReceiver()
    const receiver = lone.multiplexer.openReceiver(2, { ...recorded.handlers, onData: () => receiver.reset(1) })
    lone.multiplexer.receive(Buffer.concat([data(2, 'a'), data(2, 'b'), end(2)]))
    expect([recorded.events, lone.violations]).toEqual([[], []])
    expect(kinds(lone.written())).toEqual(['3:2'])
  })
})

describe('a sender that we reset', () => {
  test('drops its queue and tells the receiver; credit on its way is allowed up to what was sent', () => {
    const lone = loneMultiplexer()
    const recorded = recordingSender()
    const sender = lone.multiplexer.openSender(2, recorded.handlers)
    sender.write(Buffer.alloc(2 * WINDOW_BYTES))
    lone.written()
    sender.reset(1)
    expect(kinds(lone.written())).toEqual(['3:2'])
    expect(sender.queuedBytes).toBe(0)
    lone.multiplexer.receive(Buffer.concat([credit(2, WINDOW_BYTES / 2), credit(2, WINDOW_BYTES / 2), reset(2)]))
    expect([recorded.events, lone.violations]).toEqual([[], []])
    lone.multiplexer.receive(credit(2, 1))
    expect(lone.violations).toHaveLength(1)
  })

  test('drops an END that is queued', () => {
    const lone = loneMultiplexer()
    lone.writable = false
    const sender = lone.multiplexer.openSender(2, recordingSender().handlers)
    lone.multiplexer.sendControl(Buffer.from('x'))
    sender.write(Buffer.from('x'))
    sender.end()
    sender.reset(1)
    lone.writable = true
    lone.multiplexer.drained()
    expect(kinds(lone.written())).toEqual(['1:0', '3:2'])
  })

  test('does not overtake the control message that announced the stream', () => {
    const lone = loneMultiplexer()
    lone.writable = false
    lone.multiplexer.sendControl(Buffer.from('first'))
    lone.written()
    lone.multiplexer.sendControl(Buffer.from('announces stream 2'))
    lone.multiplexer.openSender(2, recordingSender().handlers).reset(1)
    lone.writable = true
    lone.multiplexer.drained()
    expect(kinds(lone.written())).toEqual(['1:0', '3:2'])
  })
})

describe('a sender that ended', () => {
  function endedSender() {
    const lone = loneMultiplexer()
    const recorded = recordingSender()
    const sender = lone.multiplexer.openSender(2, recorded.handlers)
    sender.write(Buffer.alloc(1_000))
    sender.end()
    lone.written()
    return { ...lone, recorded }
  }

  test('allows late credit and one late RESET, and answers neither', () => {
    const { multiplexer, written, violations, recorded } = endedSender()
    multiplexer.receive(Buffer.concat([credit(2, 600), credit(2, 400), reset(2)]))
    expect([written(), violations, recorded.events]).toEqual([[], [], []])
  })

  test.each([
    ['more credit than was sent', credit(2, 1_001)],
    ['credit of nothing', credit(2, 0)],
    ['data', data(2, 'x')],
    ['END', end(2)],
  ])('allows no %s', (_name, frame) => {
    const { multiplexer, violations } = endedSender()
    multiplexer.receive(frame)
    expect(violations).toHaveLength(1)
  })
})

describe('a RESET of the other side', () => {
  test('ends a receiver, and is answered', () => {
    const lone = loneMultiplexer()
    const recorded = recordingReceiver()
    const receiver = lone.multiplexer.openReceiver(2, recorded.handlers)
    lone.multiplexer.receive(Buffer.concat([data(2, 'x'), reset(2, 42)]))
    receiver.reset(1)
    expect(recorded.events).toEqual(['reset 42'])
    expect(kinds(lone.written())).toEqual(['3:2'])
  })

  test('ends a sender, drops its queue, and is answered', () => {
    const lone = loneMultiplexer()
    const recorded = recordingSender()
    const sender = lone.multiplexer.openSender(2, recorded.handlers)
    sender.write(Buffer.alloc(3 * WINDOW_BYTES))
    lone.written()
    lone.multiplexer.receive(reset(2, 9))
    expect(recorded.events).toEqual(['reset 9'])
    expect([sender.queuedBytes, sender.write(Buffer.from('x'))]).toEqual([0, false])
    expect(kinds(lone.written())).toEqual(['3:2'])
  })

  test('on the stream of both directions ends both, with one answer', () => {
    const lone = loneMultiplexer()
    const [received, sent] = [recordingReceiver(), recordingSender()]
    lone.multiplexer.openReceiver(1, received.handlers)
    lone.multiplexer.openSender(1, sent.handlers)
    lone.multiplexer.receive(reset(1, 3))
    expect([received.events, sent.events]).toEqual([['reset 3'], ['reset 3']])
    expect(kinds(lone.written())).toEqual(['3:1'])
    lone.multiplexer.receive(reset(1, 3))
    expect(lone.violations).toHaveLength(1)
  })

  test('of ours on the stream of both directions allows END and credit on their way, then the answer', () => {
    const lone = loneMultiplexer()
    lone.multiplexer.openReceiver(1, recordingReceiver().handlers)
    const sender = lone.multiplexer.openSender(1, recordingSender().handlers)
    sender.write(Buffer.from('abc'))
    sender.reset(1)
    lone.multiplexer.receive(Buffer.concat([data(1, 'x'), credit(1, 3), end(1), reset(1)]))
    expect(lone.violations).toEqual([])
  })

  test.each([
    ['data after END', data(1, 'x')],
    ['a second END', end(1)],
  ])('of ours on that stream allows no %s', (_name, frame) => {
    const lone = loneMultiplexer()
    lone.multiplexer.openReceiver(1, recordingReceiver().handlers)
    lone.multiplexer.openSender(1, recordingSender().handlers).reset(1)
    lone.multiplexer.receive(end(1))
    expect(lone.violations).toEqual([])
    lone.multiplexer.receive(frame)
    expect(lone.violations).toHaveLength(1)
  })
})

describe('memory of closed streams', () => {
  test('is bounded; late frames of forgotten streams are dropped, those of unknown ones are not', () => {
    const lone = loneMultiplexer()
    for (let id = 2; id < MAX_CLOSED_STREAMS + 12; id += 1) {
      lone.multiplexer.openReceiver(id, recordingReceiver().handlers).reset(1)
    }
    expect(lone.multiplexer['closed']['streams'].size).toBe(MAX_CLOSED_STREAMS)
    lone.multiplexer.receive(
      Buffer.concat([data(2, 'x'), end(3), reset(4), credit(5, 1), data(MAX_CLOSED_STREAMS, 'x')]),
    )
    expect(lone.violations).toEqual([])
    lone.multiplexer.receive(data(MAX_CLOSED_STREAMS + 12, 'x'))
    expect(lone.violations).toHaveLength(1)
  })
})
