import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LocalShovel } from '../../helpers/local-shovel.ts'

test('ends with code 0 when the host is gone', async () => {
  await using shovel = await LocalShovel.start()
  await shovel.ready
  await shovel.spawn('sleep', ['60'])
  shovel.process.stdin?.end()
  expect(await once(shovel.process, 'exit')).toEqual([0, null])
})

test('ends with code 70 when the host breaks the protocol', async () => {
  await using shovel = await LocalShovel.start()
  await shovel.ready
  shovel.process.stdin?.write(Buffer.from([9, 0, 0, 0, 0, 0, 0, 5]))
  expect(await once(shovel.process, 'exit')).toEqual([70, null])
  expect(shovel.words).toContain('container-sandbox: ')
})

test('signals that are not SIGKILL change nothing, and SIGUSR1 opens no inspector', async () => {
  await using shovel = await LocalShovel.start()
  await shovel.ready
  for (const signal of [
    'SIGUSR1',
    'SIGUSR2',
    'SIGHUP',
    'SIGINT',
    'SIGTERM',
    'SIGQUIT',
    'SIGALRM',
    'SIGPIPE',
  ] as const) {
    process.kill(shovel.shovelPid, signal)
  }
  await shovel.run('sh', ['-c', 'kill -TERM -1'])
  expect(await shovel.peer.call('ping', {})).toEqual({})
  expect(shovel.words).not.toContain('Debugger')
})

test('holds no descriptor of a command that ended', async () => {
  await using shovel = await LocalShovel.start()
  await shovel.run('true', [])
  const folder = `/proc/${shovel.shovelPid}/fd`
  const before = readdirSync(folder).length
  for (let count = 0; count < 20; count += 1) await shovel.run('true', [])
  // The end of a command can be told before the last of its descriptors is closed.
  await expect.poll(() => readdirSync(folder).length).toBeLessThanOrEqual(before)
  await expect.poll(() => shovel.multiplexer.openStreams).toBe(0)
})
