/**
 * Two multiplexers against a model: whatever the schedule of writes, reads, resets and deliveries, what arrives is a
 * prefix of what was written, no window is ever overrun, and two honest ends never see a violation.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WINDOW_BYTES, type StreamReceiver, type StreamSender } from '../../../src/protocol/index.js'
import { linkedMultiplexers, move, type LinkedSide } from '../../helpers/delayed-link.js'

const STREAMS = [2, 3, 4, 5]

/** The bytes of a stream are a function of their position, so that a hole or an exchange shows. */
const SOURCE = Buffer.from(Array.from({ length: 251 * 4_096 }, (_, index) => index % 251))

interface ModelStream {
  readonly id: number
  readonly sender: StreamSender
  readonly receiver: StreamReceiver
  written: number
  received: number
  consumed: number
  ended: boolean
  senderReset: boolean
  receiverReset: boolean
  ends: number
  resetsSeen: number
}

function openStream(from: LinkedSide, to: LinkedSide, id: number): ModelStream {
  const handlers = {
    onData(chunk: Buffer): void {
      if (stream.ends > 0 || stream.receiverReset) throw new Error('data after the end')
      const start = stream.received % 251
      if (!chunk.equals(SOURCE.subarray(start, start + chunk.length))) throw new Error('other bytes than were written')
      stream.received += chunk.length
      // The receiver never holds more than one window that was not consumed.
      if (stream.received - stream.consumed > WINDOW_BYTES) throw new Error('more than a window')
    },
    onEnd: () => void (stream.ends += 1),
    onReset: () => void (stream.resetsSeen += 1),
  }
  const receiver = to.multiplexer.openReceiver(id, handlers)
  const sender = from.multiplexer.openSender(id, {
    onWritable: () => expect(stream.sender.queuedBytes).toBeLessThan(WINDOW_BYTES / 2),
    onReset: () => void (stream.resetsSeen += 1),
  })
  const counters = { written: 0, received: 0, consumed: 0, ends: 0, resetsSeen: 0 }
  const stream: ModelStream = {
    id,
    sender,
    receiver,
    ended: false,
    senderReset: false,
    receiverReset: false,
    ...counters,
  }
  return stream
}

const stream = fc.nat(STREAMS.length - 1)
const size = fc.oneof(fc.nat(40), fc.nat(3_000), fc.nat(400_000))
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), stream, bytes: size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trickle' as const), stream, bytes: fc.nat(1_000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('consume' as const), stream, bytes: size }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('forward' as const), stream, bytes: size }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('back' as const), stream, bytes: size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('control' as const), stream, bytes: fc.nat(100_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), stream, bytes: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resetSender' as const), stream, bytes: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resetReceiver' as const), stream, bytes: fc.nat(1) }) },
)

function write(model: ModelStream, bytes: number): void {
  if (model.ended || model.senderReset) return
  const start = model.written % 251
  const length = Math.min(bytes, SOURCE.length - start)
  const before = model.sender.queuedBytes
  const accepted = model.sender.write(SOURCE.subarray(start, start + length))
  if (model.sender.queuedBytes >= WINDOW_BYTES) expect(accepted).toBe(false)
  if (before === 0 && length === 0) expect(model.sender.queuedBytes).toBe(0)
  if (model.resetsSeen === 0) model.written += length
}

function consume(model: ModelStream, bytes: number): void {
  const length = Math.min(bytes, model.received - model.consumed)
  model.consumed += length
  model.receiver.consumed(length)
}

test('random schedules', async () => {
  const seen = { ended: 0, reset: 0, bytes: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 90, size: 'max' }),
      fc.integer({ min: 1, max: 200_000 }),
      async (steps, capacityBytes) => {
        const [near, far] = linkedMultiplexers(capacityBytes)
        const models = STREAMS.map((id) => openStream(near, far, id))
        let controlBytes = 0
        for (const { kind, stream: index, bytes } of steps) {
          const model = models[index] as ModelStream
          if (kind === 'write') write(model, bytes)
          else if (kind === 'trickle') for (let count = 0; count < bytes; count += 1) write(model, 1)
          else if (kind === 'consume') consume(model, bytes)
          else if (kind === 'forward') move(near, far, bytes)
          else if (kind === 'back') move(far, near, bytes)
          else if (kind === 'control') {
            near.multiplexer.sendControl(Buffer.alloc(bytes))
            controlBytes += bytes
          } else if (kind === 'end') {
            model.sender.end()
            model.ended = true
          } else if (kind === 'resetSender') {
            model.sender.reset(1)
            model.senderReset = true
          } else {
            model.receiver.reset(1)
            model.receiverReset = true
          }
          await Promise.resolve()
        }
        // Let everything come to rest, with consumers that keep up.
        for (let round = 0, busy = true; busy; round += 1) {
          if (round > 10_000) throw new Error('does not come to rest')
          for (const model of models) consume(model, model.received)
          await Promise.resolve()
          busy = near.output.size + far.output.size > 0 || models.some((model) => model.consumed < model.received)
          move(near, far, 100_000)
          move(far, near, 100_000)
        }
        expect([...near.violations, ...far.violations]).toEqual([])
        expect(Buffer.concat(far.control).length).toBe(controlBytes)
        expect([near.output.size, far.output.size, near.multiplexer.queuedControlBytes]).toEqual([0, 0, 0])
        for (const model of models) {
          seen.bytes += model.received
          if (model.senderReset || model.receiverReset) {
            seen.reset += 1
            expect(model.received).toBeLessThanOrEqual(model.written)
          } else {
            expect([model.received, model.sender.queuedBytes]).toEqual([model.written, 0])
            expect(model.ends).toBe(model.ended ? 1 : 0)
            seen.ended += model.ends
          }
          expect(model.ends + model.resetsSeen).toBeLessThanOrEqual(1 + Number(model.ended))
        }
      },
    ),
    { numRuns: 150 },
  )
  expect(Math.min(seen.ended, seen.reset)).toBeGreaterThan(20)
  expect(seen.bytes).toBeGreaterThan(10 * WINDOW_BYTES)
})

test('any bytes end a multiplexer with at most one violation and no other exception', () => {
  const byte = fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5), fc.nat(255))
  fc.assert(
    fc.property(fc.array(fc.array(byte, { maxLength: 60 }), { maxLength: 6 }), (chunks) => {
      const [near] = linkedMultiplexers(1_000_000)
      const none = {
        onData: () => undefined,
        onEnd: () => undefined,
        onReset: () => undefined,
        onWritable: () => undefined,
      }
      for (const id of [1, 2, 3]) near.multiplexer.openReceiver(id, none)
      for (const id of [1, 4, 5]) near.multiplexer.openSender(id, none).write(Buffer.alloc(10))
      for (const chunk of chunks) near.multiplexer.receive(Buffer.from(chunk))
      expect(near.violations.length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 5_000 },
  )
})
