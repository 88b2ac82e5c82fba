import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Demultiplexer } from '../../../src/driver/docker/demultiplexer.js'
import { stdcopy } from '../../helpers/stdcopy.js'

const piece = fc.record({
  stream: fc.constantFrom(1 as const, 2 as const),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 1, max: 70_000 }).map((length) => new Uint8Array(length).fill(length % 251)),
  ),
})

const text = (stream: 1 | 2, pieces: { stream: 1 | 2; payload: Uint8Array }[]) =>
  Buffer.concat(pieces.filter((one) => one.stream === stream).map(({ payload }) => payload))

async function split(bytes: Buffer, cuts: readonly number[], stderrBytes?: number) {
  const source = new PassThrough()
  const { stdout, stderr } = new Demultiplexer(source, stderrBytes)
  const both = Promise.all([buffer(stdout), buffer(stderr)])
  const points = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  points.forEach((point, index) => {
    const chunk = bytes.subarray(points[index - 1] ?? 0, point)
    if (chunk.length > 0) source.write(chunk)
  })
  source.end()
  return both
}

it('gives back both streams, however the connection cuts them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      async (pieces, cuts) => {
        const bytes = Buffer.concat(pieces.map(({ stream, payload }) => stdcopy(stream, Buffer.from(payload))))
        const points = cuts.map((cut) => cut % (bytes.length + 1))
        const [stdout, stderr] = await split(bytes, points, 2_000_000)
        expect(stdout.equals(text(1, pieces))).toBe(true)
        expect(stderr.equals(text(2, pieces))).toBe(true)
      },
    ),
    { numRuns: 200 },
  )
})

it('at every single split point', async () => {
  const pieces = [
    { stream: 1 as const, payload: Buffer.from('first') },
    { stream: 2 as const, payload: Buffer.from('second') },
    { stream: 1 as const, payload: Buffer.alloc(0) },
    { stream: 1 as const, payload: Buffer.from([1, 0, 0, 0, 0, 0, 0, 9]) },
  ]
  const bytes = Buffer.concat(pieces.map(({ stream, payload }) => stdcopy(stream, payload)))
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const [stdout, stderr] = await split(bytes, [cut])
    expect(stdout.equals(text(1, pieces))).toBe(true)
    expect(stderr.toString()).toBe('second')
  }
  const [stdout] = await split(bytes, [...bytes.keys()])
  expect(stdout.equals(text(1, pieces))).toBe(true)
})

it('keeps the newest bytes of an unread stderr, whatever the pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 500 }),
      async (payloads, kept) => {
        const source = new PassThrough()
        const { stdout, stderr } = new Demultiplexer(source, kept)
        for (const payload of payloads) source.write(stdcopy(2, Buffer.from(payload)))
        source.end()
        await buffer(stdout)
        const all = Buffer.concat(payloads)
        expect((await buffer(stderr)).equals(all.subarray(Math.max(0, all.length - kept)))).toBe(true)
      },
    ),
  )
})

it('never takes random bytes for output and never throws out of the connection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 8, maxLength: 200 }), async (bytes) => {
      fc.pre((bytes[0] !== 1 && bytes[0] !== 2) || bytes[1] !== 0)
      const source = new PassThrough()
      const { stdout } = new Demultiplexer(source)
      source.end(Buffer.from(bytes))
      await expect(buffer(stdout)).rejects.toThrow()
    }),
  )
})
