import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Demultiplexer } from '../../../src/driver/docker/demultiplexer.js'
import { EngineUnavailableError } from '../../../src/errors.js'
import { stdcopy } from '../../helpers/stdcopy.js'

/** A source that counts what was taken from it. */
function countingSource(chunk: Buffer, maxChunks: number) {
  const state = { taken: 0 }
  const source = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      state.taken += 1
      this.push(state.taken > maxChunks ? null : chunk)
    },
  })
  return { state, source }
}

const settle = async () => {
  for (let turn = 0; turn < 50; turn += 1) await setImmediate()
}

describe('backpressure', () => {
  it('stops reading the connection while nobody reads stdout, and loses nothing', async () => {
    const chunk = stdcopy(1, Buffer.alloc(32 * 1024, 'x'))
    const { state, source } = countingSource(chunk, 1_000)
    const { stdout } = new Demultiplexer(source)
    await settle()
    expect(state.taken).toBeLessThan(20)
    expect((await buffer(stdout)).length).toBe(1_000 * 32 * 1024)
  })

  it('never stops for stderr: the newest bytes are kept, stdout goes on', async () => {
    const flood = Buffer.concat([stdcopy(2, Buffer.alloc(60_000, 'e')), stdcopy(1, Buffer.from('o'))])
    const source = Readable.from([...Array<Buffer>(200).fill(flood), stdcopy(2, Buffer.from('the end'))])
    const { stdout, stderr } = new Demultiplexer(source, 1_000)
    expect((await buffer(stdout)).toString()).toBe('o'.repeat(200))
    expect((await buffer(stderr)).toString()).toBe(`${'e'.repeat(993)}the end`)
  })

  it('does not keep large buffers alive for small unread pieces', async () => {
    const chunk = Buffer.concat([stdcopy(1, Buffer.from('a')), stdcopy(2, Buffer.alloc(1_000_000))])
    const { stdout } = new Demultiplexer(Readable.from(Array<Buffer>(100).fill(chunk)))
    await settle()
    const pieces: Buffer[] = []
    stdout.on('data', (piece: Buffer) => pieces.push(piece))
    await once(stdout, 'end')
    expect(pieces).toHaveLength(100)
    expect(Math.max(...pieces.map((piece) => piece.buffer.byteLength))).toBeLessThan(100_000)
  })

  it('hands large pieces on without a copy', async () => {
    const chunk = stdcopy(1, Buffer.alloc(100_000, 'z'))
    const { stdout } = new Demultiplexer(Readable.from([chunk]))
    const [piece] = (await stdout.toArray()) as Buffer[]
    expect(piece?.buffer).toBe(chunk.buffer)
  })

  it('goes on with stderr after stdout was given up', async () => {
    const source = new PassThrough()
    const { stdout, stderr } = new Demultiplexer(source)
    stdout.destroy()
    for (let index = 0; index < 50; index += 1) source.write(stdcopy(1, Buffer.alloc(60_000)))
    source.end(stdcopy(2, Buffer.from('word')))
    expect((await buffer(stderr)).toString()).toBe('word')
  })
})

it('released, it reads to the end and drops what nobody takes', async () => {
  const { state, source } = countingSource(stdcopy(1, Buffer.alloc(32 * 1024)), 500)
  const demultiplexer = new Demultiplexer(source)
  await settle()
  demultiplexer.release()
  await expect.poll(() => state.taken).toBe(501)
  expect(demultiplexer.stdout.readableLength).toBeLessThan(1 << 20)
  expect((await buffer(demultiplexer.stdout)).length).toBeGreaterThan(0)
})

describe('a broken connection', () => {
  it.each([
    ['an unknown stream', Buffer.from([9, 0, 0, 0, 0, 0, 0, 1, 0])],
    ['stdin, which is never sent back', Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0])],
    ['padding that is not zero', Buffer.from([1, 0, 1, 0, 0, 0, 0, 1, 0])],
    ['text', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
  ])('ends stdout with an error: %s', async (_name, bytes) => {
    const source = new PassThrough()
    const { stdout } = new Demultiplexer(source)
    source.write(Buffer.concat([stdcopy(1, Buffer.from('before')), bytes]))
    await expect(buffer(stdout)).rejects.toThrow(/which is no stream header/)
    expect(source.destroyed).toBe(true)
  })

  it.each([3, 8, 10])('an end after %i bytes of a piece is an error', async (length) => {
    const bytes = stdcopy(1, Buffer.from('hello')).subarray(0, length)
    const { stdout, stderr } = new Demultiplexer(Readable.from([bytes]))
    await expect(buffer(stdout)).rejects.toThrow(EngineUnavailableError)
    expect((await buffer(stderr)).length).toBe(0)
  })

  it('an error of the connection ends both, and nobody has to listen', async () => {
    const source = new PassThrough()
    const { stdout, stderr } = new Demultiplexer(source)
    source.write(stdcopy(2, Buffer.from('last words')))
    await setImmediate()
    source.destroy(new Error('reset by peer'))
    await settle()
    expect(stdout.destroyed).toBe(true)
    expect((await buffer(stderr)).toString()).toBe('last words')
  })
})

it('empty pieces are nothing', async () => {
  const bytes = Buffer.concat([stdcopy(1, Buffer.alloc(0)), stdcopy(2, Buffer.alloc(0)), stdcopy(1, Buffer.from('a'))])
  const { stdout, stderr } = new Demultiplexer(Readable.from([bytes]))
  expect((await buffer(stdout)).toString()).toBe('a')
  expect((await buffer(stderr)).length).toBe(0)
})
