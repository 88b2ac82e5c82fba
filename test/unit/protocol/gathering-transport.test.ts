import { describe, expect, it } from 'vitest'
import { GatheringTransport, type ByteSink } from '../../../src/protocol/gathering-transport.js'

class Sink implements ByteSink {
  readonly writes: Buffer[] = []
  corked = 0
  room = true
  write(chunk: Buffer): boolean {
    this.writes.push(chunk)
    return this.room
  }
  cork(): void {
    this.corked += 1
  }
  uncork(): void {
    this.corked -= 1
  }
  get bytes(): Buffer {
    return Buffer.concat(this.writes)
  }
}

const bytes = (length: number, value: number) => Buffer.alloc(length, value)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('GatheringTransport', () => {
  it('hands on what was written in one turn as one write, in order', async () => {
    const sink = new Sink()
    const transport = new GatheringTransport(sink)
    expect([transport.write(bytes(8, 1), bytes(10, 2)), transport.write(bytes(8, 3))]).toEqual([true, true])
    expect(sink.writes).toEqual([])
    await turn()
    expect(sink.writes).toEqual([Buffer.concat([bytes(8, 1), bytes(10, 2), bytes(8, 3)])])
    await turn()
    expect(sink.writes).toHaveLength(1)
  })

  it('does not copy large payloads', async () => {
    const sink = new Sink()
    const large = bytes(65_536, 7)
    new GatheringTransport(sink).write(bytes(8, 1), large)
    await turn()
    expect(sink.writes[1]).toBe(large)
    expect(sink.corked).toBe(0)
  })

  it('gathers no more than a bound within a turn', () => {
    const sink = new Sink()
    const transport = new GatheringTransport(sink)
    for (let index = 0; index < 10; index++) transport.write(bytes(8, index), bytes(65_536, index))
    expect(sink.bytes.length).toBeGreaterThan(8 * 65_536)
  })

  it('says that it is full only after the sink did, until it is drained', async () => {
    const sink = new Sink()
    const transport = new GatheringTransport(sink)
    sink.room = false
    expect(transport.write(bytes(8, 1))).toBe(true)
    await turn()
    expect(transport.write(bytes(8, 2))).toBe(false)
    sink.room = true
    transport.drained()
    expect(transport.write(bytes(8, 3))).toBe(true)
    await turn()
    expect(sink.bytes).toEqual(Buffer.concat([bytes(8, 1), bytes(8, 2), bytes(8, 3)]))
  })
})
