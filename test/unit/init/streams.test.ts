import { symlink, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
  const stdout = init.open(command.id, standardPipes).get(1)
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

test('no name of a FIFO remains once it was opened', async () => {
  await init.shell('true')
  expect(await readdir(init.runDir)).toEqual([])
})

test('nor after a command that could not start', async () => {
  const descriptors = init.descriptorCount
  await expect(init.spawn('no-such-command')).rejects.toThrow()
  await init.shell('true')
  expect(await readdir(init.runDir)).toEqual([])
  expect(init.descriptorCount).toBe(descriptors)
})

test('a name that a guest has planted is not followed', async () => {
  const { id } = await init.spawn('true')
  await symlink('/etc/passwd', join(init.runDir, `${id + 1}.1`))
  expect((await init.shell('test -p /dev/stdout && echo mine')).stdout).toBe('mine\n')
})
