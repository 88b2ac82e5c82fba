import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestInit } from '../../helpers/init-client.js'

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

test('a command gets the environment of its request and nothing else', async () => {
  const env = { PATH: '/usr/bin:/bin', A: '1', EMPTY: '', UMLAUT: 'ä' }
  const command = await init.spawn('env', { env })
  expect((await command.stdout).trim().split('\n').sort()).toEqual(['A=1', 'EMPTY=', 'PATH=/usr/bin:/bin', 'UMLAUT=ä'])
})

test('its file is looked up in its own PATH', async () => {
  await expect(init.spawn('env', { env: { PATH: '/nowhere' } })).rejects.toThrow('exec')
})

test('it starts in its working directory with umask 022 and without core dumps', async () => {
  expect((await init.shell('pwd; umask; ulimit -c', { cwd: '/usr' })).stdout).toBe('/usr\n0022\n0\n')
})

test('it leads a session of its own, and its parent is no other process of the guest', async () => {
  const command = await init.spawn('sh', { args: ['-c', 'cut -d" " -f1,5,6 /proc/$$/stat'] })
  expect((await command.stdout).trim()).toBe(`${command.pid} ${command.pid} ${command.pid}`)
})

test('no signal is blocked or ignored', async () => {
  const { stdout } = await init.shell('grep -E "Sig(Blk|Ign)" /proc/self/status')
  expect(stdout.match(/[0-9a-f]{16}/g)).toEqual(['0000000000000000', '0000000000000000'])
})

test('when memory ends, commands go before the supervisors and the shovel', async () => {
  const { stdout } = await init.shell('cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj /proc/2/oom_score_adj')
  expect(stdout).toBe('500\n0\n0\n')
})

test('the CPU limit of one process stands behind the limit of the tree', async () => {
  expect((await init.shell('ulimit -t', { cpuTimeMs: 3_500 })).stdout).toBe('5\n')
  expect((await init.shell('ulimit -t')).stdout).toBe('unlimited\n')
})
