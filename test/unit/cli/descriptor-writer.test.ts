import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DescriptorWriter } from '../../../src/cli/descriptor-writer.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'descriptor-writer-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** A pipe with a name: both of its ends are plain descriptors of this process. */
function openPipe(flags = 0): { reader: number; writer: number } {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return { reader, writer: openSync(path, constants.O_WRONLY | flags) }
}

test('everything arrives in order', async () => {
  const path = join(folder, 'file')
  const descriptor = openSync(path, 'w')
  const writer = new DescriptorWriter(descriptor)
  writer.write('one\n')
  writer.end('two\n')
  await once(writer, 'finish')
  closeSync(descriptor)
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
})

test.each([
  ['a blocking pipe', 0],
  ['a pipe that someone made non-blocking', constants.O_NONBLOCK],
])('a reader that stands still stops nothing but the writing: %s', async (_name, flags) => {
  const { reader, writer: descriptor } = openPipe(flags)
  const writer = new DescriptorWriter(descriptor)
  const sent = Buffer.alloc(1024 * 1024, 'x')
  writer.end(sent)
  const started = performance.now()
  await delay(50)
  expect(performance.now() - started).toBeLessThan(20_000)
  expect(writer.writableFinished).toBe(false)

  let received = 0
  const chunk = Buffer.alloc(65_536)
  while (received < sent.length) {
    try {
      received += readSync(reader, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    await delay(0)
  }
  if (!writer.writableFinished) await once(writer, 'finish')
  expect(received).toBe(sent.length)
  closeSync(reader)
  closeSync(descriptor)
})

test('a reader that went away is an error event, no crash', async () => {
  const { reader, writer: descriptor } = openPipe()
  const writer = new DescriptorWriter(descriptor)
  closeSync(reader)
  writer.write('nobody reads this')
  const [error] = (await once(writer, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('EPIPE')
  closeSync(descriptor)
})
