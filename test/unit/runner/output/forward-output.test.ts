import { PassThrough, Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { forwardOutput, SecretMasker } from '../../../../src/runner/output/index.js'

const masker = new SecretMasker(['hunter22'])

function collector(waitMs = 0) {
  const texts: string[] = []
  const emit = async (text: string): Promise<void> => {
    if (waitMs > 0) await delay(waitMs)
    texts.push(text)
  }
  return { texts, emit }
}

test('hands on all lines, masked, and tells how many bytes were read', async () => {
  const { texts, emit } = collector()
  const stream = Readable.from(['one\nhun', 'ter22\nla', 'st'].map((text) => Buffer.from(text)))
  expect(await forwardOutput(stream, { masker, emit })).toBe(17)
  expect(texts.join('')).toBe('one\n***\nlast')
})

test('shows an unfinished line soon, in its order also while a slow reader takes what is before it', async () => {
  const { texts, emit } = collector(20)
  const stream = new PassThrough()
  const forwarded = forwardOutput(stream, { masker, emit, lingerMs: 5 })
  stream.write(`a\n${'b'.repeat(40_000)}\nname? `)
  await expect.poll(() => texts.at(-1)).toBe('name? ')
  stream.write('next ')
  stream.write(`${'c'.repeat(40_000)}\nagain? `)
  await expect.poll(() => texts.at(-1)).toBe('again? ')
  stream.end('end')
  await forwarded
  expect(texts.join('')).toBe(`a\n${'b'.repeat(40_000)}\nname? next ${'c'.repeat(40_000)}\nagain? end`)
})

test('reads no more than is taken', async () => {
  let read = 0
  const stream = Readable.from(
    (function* () {
      for (; read < 1000; read += 1) yield Buffer.from(`${read}\n`)
    })(),
    { highWaterMark: 1 },
  )
  let taken = 0
  const forwarded = forwardOutput(stream, {
    masker,
    emit: async () => {
      taken += 1
      if (taken === 5) await delay(50)
      expect(read - taken).toBeLessThan(5)
    },
  })
  await forwarded
  expect(taken).toBe(1000)
})

test('a stream that fails is told after what came before it', async () => {
  const { texts, emit } = collector()
  const stream = new PassThrough()
  const forwarded = forwardOutput(stream, { masker, emit })
  stream.write('a\nhunter')
  await delay(5)
  stream.destroy(new Error('gone'))
  await expect(forwarded).rejects.toThrow('gone')
  expect(texts.join('')).toBe('a\nhunter')
})

test.each([
  ['a line', 'a\n'],
  ['an unfinished line', 'name? '],
])('a taker that fails on %s ends the stream, and is asked no more', async (_name, text) => {
  const stream = new PassThrough()
  let calls = 0
  const emit = (): Promise<void> => {
    calls += 1
    return Promise.reject(new Error('full'))
  }
  stream.write(text)
  await expect(forwardOutput(stream, { masker, emit, lingerMs: 5 })).rejects.toThrow('full')
  expect([calls, stream.destroyed]).toEqual([1, true])
})
