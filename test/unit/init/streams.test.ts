import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { standardPipes, TestInit } from '../../helpers/init-client.js'

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

test('stdin reaches the command up to its end, and stdout comes back whole', async () => {
  const input = Buffer.alloc(5_000_000, 'abcdefghi\n')
  const command = await init.spawn('cat')
  command.streams.get(0)?.end(input)
  expect((await command.stdout) === input.toString()).toBe(true)
  expect((await command.exited).waitStatus).toBe(0)
})

test('stdout and stderr are pipes that can be opened again by name', async () => {
  const result = await init.shell('echo a >/dev/stdout; echo b >/dev/stderr; test -p /dev/stdout && echo pipe')
  expect(result).toMatchObject({ stdout: 'a\npipe\n', stderr: 'b\n' })
})

test('a stream ends when the last process that holds it closes it', async () => {
  const command = await init.spawn('sh', { args: ['-c', 'exec 1>&-; sleep 0.2; echo late >&2'] })
  await command.stdout
  expect(init.answers.some((answer) => answer.op === 'exited' && answer.id === command.id)).toBe(false)
  expect(await command.stderr).toBe('late\n')
})

test('a write after the reader has gone ends the command with SIGPIPE', async () => {
  const command = await init.spawn('sh', { args: ['-c', 'while echo x; do :; done'] })
  command.streams.get(1)?.destroy()
  expect((await command.exited).waitStatus & 0x7f).toBe(13)
})

test('what a command wrote before its pipes were opened is kept', async () => {
  const command = await init.spawn('echo', { args: ['early'], open: false })
  await command.exited
  const stdout = init.open(command.id, command.broker, standardPipes).get(1)
  expect(stdout && (await text(stdout))).toBe('early\n')
})

test('descriptors that were not asked for are /dev/null, and there are no others', async () => {
  const result = await init.shell('readlink /proc/self/fd/0 /proc/self/fd/2; ls /proc/self/fd | tr "\\n" " "', {
    pipes: [{ childFd: 1, childReads: false }],
  })
  expect(result.stdout).toBe('/dev/null\n/dev/null\n0 1 2 3 ')
})

test('any descriptor up to 15 can be a pipe of either direction', async () => {
  const pipes = [...standardPipes, { childFd: 9, childReads: true }, { childFd: 15, childReads: false }]
  // The shell takes only one digit of a descriptor.
  const command = await init.spawn('sh', { args: ['-c', 'cat <&9 >/proc/self/fd/15'], pipes })
  const back = command.streams.get(15)
  command.streams.get(9)?.end('over')
  expect(back && (await text(back))).toBe('over')
})

test('nothing is left once the pipes were opened', async () => {
  await init.untilIdle()
  const descriptors = init.descriptorCount
  await init.shell('true')
  await init.untilIdle()
  expect(init.descriptorCount).toBe(descriptors)
})

test('nor after a command that could not start', async () => {
  await init.untilIdle()
  const descriptors = init.descriptorCount
  await expect(init.spawn('no-such-command')).rejects.toThrow()
  await init.untilIdle()
  expect(init.descriptorCount).toBe(descriptors)
})

test('an input can be opened again after its end: the end is read at once', async () => {
  const command = await init.spawn('sh', { args: ['-c', 'cat; read x </dev/null; cat /dev/stdin; echo over'] })
  command.streams.get(0)?.end('input ')
  expect(await command.stdout).toBe('input over\n')
})

test('an output can be opened again after its reader is gone: writing fails as it would before', async () => {
  const command = await init.spawn('sh', { args: ['-c', 'trap "" PIPE; read x; echo y >/dev/stdout || exit 9'] })
  command.streams.get(1)?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  command.streams.get(0)?.end('go\n')
  expect((await command.exited).waitStatus >> 8).toBe(9)
})

test('a guest that kills the broker makes the start fail for the shovel, and nothing else', async () => {
  const command = await init.spawn('sleep', { args: ['100'], open: false })
  await init.shell(`kill -KILL ${command.broker}`)
  await vi.waitFor(() => expect(() => init.open(command.id, command.broker, standardPipes)).toThrow(/ENOENT/), {
    timeout: 10_000,
  })
  init.signal(command.id, 9, 'tree')
  await command.exited
  expect((await init.shell('echo on')).stdout).toBe('on\n')
})

test('the broker holds pipes and nothing else, and only until they are opened', async () => {
  const command = await init.spawn('sleep', { args: ['100'], open: false })
  const seen = await init.shell(`ls /proc/${command.broker}/fd | tr '\\n' ' '; readlink /proc/${command.broker}/fd/32`)
  expect(seen.stdout).toMatch(/^32 33 34 pipe:/)
  init.open(command.id, command.broker, standardPipes)
  await vi.waitFor(
    async () => expect((await init.shell(`test -e /proc/${command.broker} || echo gone`)).stdout).toBe('gone\n'),
    { timeout: 10_000 },
  )
  init.signal(command.id, 9, 'tree')
  await command.exited
})
