import { expect, test } from 'vitest'
import { LocalShovel } from '../../helpers/local-shovel.ts'

test('says that it is ready, and answers a ping', async () => {
  await using shovel = await LocalShovel.start()
  expect(await shovel.ready).toMatchObject({ protocol: 1, nodeVersion: process.version })
  expect(await shovel.peer.call('ping', {})).toEqual({})
})

test('runs a command with input, both outputs and an exit code', async () => {
  await using shovel = await LocalShovel.start()
  const result = await shovel.run('sh', ['-c', 'cat; echo problem >&2; exit 3'], 'hello')
  expect(result.stdout.toString()).toBe('hello')
  expect(result.stderr.toString()).toBe('problem\n')
  expect(result.exit).toMatchObject({ exitCode: 3, signal: null, cause: 'none', stdoutBytes: 5, stderrBytes: 8 })
})
