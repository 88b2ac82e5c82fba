import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { ByteReader } from '../../../src/sandbox/byte-reader.js'

const of = (...chunks: string[]) => new ByteReader(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))

async function text(bytes: AsyncIterable<Buffer>): Promise<string> {
  let found = ''
  for await (const chunk of bytes) found += chunk.toString()
  return found
}

test.each([[['one\n345\ntwo\nrest']], [['o', 'ne', '\n3', '4', '5\nt', 'wo\n', 'rest']]])(
  'lines and counted bytes of %j',
  async (chunks) => {
    const reader = of(...chunks)
    expect((await reader.record(3))?.toString()).toBe('one')
    expect(await text(reader.bytes(3))).toBe('345')
    expect((await reader.record(0))?.toString()).toBe('')
    expect((await reader.record(10))?.toString()).toBe('two')
    expect(await text(reader.bytes(100))).toBe('rest')
    expect(await reader.record(10)).toBeNull()
  },
)

test('a record that is too long is refused before it is whole', async () => {
  await expect(of('toolong\n').record(3)).rejects.toThrow(RangeError)
  await expect(of('too', 'long').record(3)).rejects.toThrow(RangeError)
  expect(await of('cut off').record(20)).toBeNull()
})
