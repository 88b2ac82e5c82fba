import { expect, test } from 'vitest'
import { observeResultSchema } from '../../../src/protocol/control.ts'
import { LocalShovel } from '../../helpers/local-shovel.ts'

test('tells what the kernel says, in the form that the host accepts', async () => {
  await using shovel = await LocalShovel.start()
  await shovel.spawn('sleep', ['60'])
  const observed = observeResultSchema.parse(await shovel.peer.call('observe', {}))
  expect(observed.statuses.map(({ pid }) => pid)).toContain(1)
  expect(
    observed.statuses.some(({ text }) => text.startsWith('Name:\tsleep\n') && text.includes('NoNewPrivs:\t1')),
  ).toBe(true)
  expect(observed.mountinfo).toContain(' / ')
  expect(observed.limits).toContain('Max open files')
  expect(observed.netdev).toContain('lo:')
})
