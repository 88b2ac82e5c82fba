/** What counts as a lockup, and what does not. */
import { expect, test } from 'vitest'
import { CallTimeoutError, CapacityError } from '../../../src/errors.js'
import { SandboxFileSystem } from '../../../src/sandbox/file-system.js'
import { fakeSandbox } from '../../helpers/fake-container.js'
import { lonePeer, rpcPair } from '../../helpers/rpc-pair.js'

const LOCKUP_MS = 60_000

test('as many calls as may be pending are no silence', async () => {
  let pings = 0
  const fake = fakeSandbox(
    (container) => {
      container.onRequest(({ id, method }) => {
        if (method !== 'ping') return
        pings += 1
        container.say({ id, result: {} })
      })
      container.ready()
    },
    { timeouts: { pingIntervalMs: 10, lockupMs: LOCKUP_MS } },
  )
  await fake.lifecycle.start()
  const files = new SandboxFileSystem(() => fake.lifecycle.session)
  const calls = Promise.allSettled(Array.from({ length: 1_030 }, () => files.stat('/x')))
  const before = pings
  await expect.poll(() => pings).toBeGreaterThan(before + 3)
  expect(fake.lifecycle.state).toBe('ready')
  expect(fake.events).toEqual(['ready'])
  await fake.lifecycle.kill()
  const refused = (await calls).filter((call) => call.status === 'rejected' && call.reason instanceof CapacityError)
  expect(refused).toHaveLength(6)
})

test.each<[string, (() => unknown) | null]>([
  ['an answer', () => null],
  [
    'an error',
    () => {
      throw new Error('busy')
    },
  ],
  ['that there is no such method', null],
])('%s is an answer', async (_name, answer) => {
  const { near, far } = rpcPair()
  if (answer !== null) far.expose('ping', answer)
  await expect(near.probe('ping', LOCKUP_MS)).resolves.toBeUndefined()
})

test('a probe goes out although much waits to be read, and fails when nothing comes', async () => {
  const { peer, sent } = lonePeer({ queuedBytes: () => 2 ** 30 })
  await expect(peer.call('ping')).rejects.toBeInstanceOf(CapacityError)
  await expect(peer.probe('ping', 20)).rejects.toBeInstanceOf(CallTimeoutError)
  expect(sent().map(({ method }) => method)).toEqual(['ping', '$/cancel'])
  peer.close(new Error('gone'))
  await expect(peer.probe('ping', 20)).rejects.toThrow('gone')
})
