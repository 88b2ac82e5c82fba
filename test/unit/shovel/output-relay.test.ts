import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LocalShovel } from '../../helpers/local-shovel.ts'

const WINDOW_BYTES = 1024 * 1024

/** The other side puts small pieces together, so that up to so many bytes may wait there. */
const GATHER_BYTES = 65_536

function residentBytes(shovel: LocalShovel): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${shovel.shovelPid}/status`, 'utf8'))?.[1]) * 1024
}

test('a flood that nobody reads stops at the window, and pings are answered', async () => {
  await using shovel = await LocalShovel.start()
  const stdout = shovel.allotStream()
  let received = 0
  const receiver = shovel.multiplexer.openReceiver(stdout, {
    onData: (chunk) => (received += chunk.length),
    onEnd: () => undefined,
    onReset: () => undefined,
  })
  const { commandId } = await shovel.spawn('cat', ['/dev/zero'], { stdout })
  await expect.poll(() => received).toBeGreaterThan(WINDOW_BYTES - GATHER_BYTES)
  const early = residentBytes(shovel)
  await sleep(500)
  expect(received).toBeLessThanOrEqual(WINDOW_BYTES)
  // What reads on takes in hundreds of MiB meanwhile; the heap of one that does not may still grow by a few.
  expect(residentBytes(shovel) - early).toBeLessThan(32 * 1024 * 1024)
  expect(await shovel.peer.call('ping', {}, { timeoutMs: 10_000 })).toEqual({})

  const first = received
  receiver.consumed(first)
  await expect.poll(() => received).toBeGreaterThan(first + WINDOW_BYTES / 2)
  await shovel.peer.call('signal', { commandId, signal: 9, scope: 'tree' })
  expect((await shovel.exitOf(commandId)).stdoutBytes).toBeGreaterThan(received)
})

test('the end is told although the host has not read the output, and the output stays whole', async () => {
  await using shovel = await LocalShovel.start()
  const stdout = shovel.allotStream()
  // A window is sent, at least half a window is queued in the shovel, and the pipe holds the rest.
  const size = 1.5 * WINDOW_BYTES + 40_000
  let received = 0
  let ended = false
  const receiver = shovel.multiplexer.openReceiver(stdout, {
    onData: (chunk) => (received += chunk.length),
    onEnd: () => (ended = true),
    onReset: () => undefined,
  })
  const { commandId } = await shovel.spawn('head', ['-c', String(size), '/dev/zero'], { stdout })
  expect((await shovel.exitOf(commandId)).stdoutBytes).toBe(size)
  expect(received).toBeLessThanOrEqual(WINDOW_BYTES)
  expect(ended).toBe(false)

  let consumed = 0
  await expect
    .poll(() => {
      receiver.consumed(received - consumed)
      consumed = received
      return ended
    })
    .toBe(true)
  expect(received).toBe(size)
})

test('a stranger that holds the pipe open delays the end by a grace and no more', async () => {
  await using shovel = await LocalShovel.start()
  const stdout = shovel.allotStream()
  let text = ''
  let ended = false
  shovel.multiplexer.openReceiver(stdout, {
    onData: (chunk) => (text += chunk.toString()),
    onEnd: () => (ended = true),
    onReset: () => undefined,
  })
  const held = await shovel.spawn('sh', ['-c', 'echo mine; sleep 60'], { stdout })
  await expect.poll(() => text).toBe('mine\n')
  await shovel.spawn('sh', ['-c', `exec 9>/proc/${held.pid}/fd/1; echo more >&9; sleep 60`])
  await expect.poll(() => text).toBe('mine\nmore\n')
  const started = performance.now()
  await shovel.peer.call('signal', { commandId: held.commandId, signal: 9, scope: 'tree' })
  expect(await shovel.exitOf(held.commandId)).toMatchObject({ signal: 9, stdoutBytes: 10 })
  await expect.poll(() => ended).toBe(true)
  expect(performance.now() - started).toBeGreaterThan(200)
})

test('a stranger that floods the pipe after its command ended is cut off', async () => {
  await using shovel = await LocalShovel.start()
  const stdout = shovel.allotStream()
  const output = shovel.receiveAll(stdout)
  const held = await shovel.spawn('sleep', ['60'], { stdout })
  await shovel.spawn('sh', ['-c', `cat /dev/zero >/proc/${held.pid}/fd/1`])
  await shovel.peer.call('signal', { commandId: held.commandId, signal: 9, scope: 'tree' })
  await shovel.exitOf(held.commandId)
  await output
  expect(await shovel.peer.call('ping', {}, { timeoutMs: 10_000 })).toEqual({})
})
