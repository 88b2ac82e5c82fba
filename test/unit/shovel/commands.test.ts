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

test('says which errno stopped a command from starting, and in which stage', async () => {
  await using shovel = await LocalShovel.start()
  const missing = shovel.run('no-such-program', [])
  await expect(missing).rejects.toMatchObject({ rpcCode: -32010, data: { errno: 'ENOENT', stage: 'exec' } })
  const noFolder = shovel.run('true', [], '', { cwd: '/no/such/folder' })
  await expect(noFolder).rejects.toMatchObject({ rpcCode: -32010, data: { errno: 'ENOENT', stage: 'chdir' } })
})

test('ends the streams of a command that could not start', async () => {
  await using shovel = await LocalShovel.start()
  const [stdin, stdout] = [shovel.allotStream(), shovel.allotStream()]
  const output = shovel.receiveAll(stdout)
  const reset = new Promise<number>((resolve) => {
    shovel.multiplexer.openSender(stdin, { onWritable: () => undefined, onReset: resolve })
  })
  await expect(shovel.spawn('no-such-program', [], { stdin, stdout })).rejects.toThrow('ENOENT')
  expect(await output).toHaveLength(0)
  expect(await reset).toBe(1)
})

test('refuses arguments that no process can have', async () => {
  await using shovel = await LocalShovel.start()
  const withNul = shovel.spawn('echo', ['a\0b'])
  await expect(withNul).rejects.toMatchObject({ data: { errno: 'EINVAL', stage: 'exec' } })
  const tooLong = shovel.spawn('echo', ['x'.repeat(5 * 1024 * 1024)])
  await expect(tooLong).rejects.toMatchObject({ data: { errno: 'E2BIG', stage: 'exec' } })
})

test('sends so many bytes as were allowed, and counts all', async () => {
  await using shovel = await LocalShovel.start()
  const result = await shovel.run('sh', ['-c', 'head -c 300000 /dev/zero; echo x >&2'], '', { outputBytes: 100_001 })
  expect(result.stdout).toHaveLength(100_001)
  expect(result.exit).toMatchObject({ exitCode: 0, stdoutBytes: 300_000, stderrBytes: 2 })
})

test('signals the process, and nothing when it is gone', async () => {
  await using shovel = await LocalShovel.start()
  const { commandId } = await shovel.spawn('sleep', ['60'])
  const signal = { commandId, signal: 15, scope: 'process' }
  expect(await shovel.peer.call('signal', signal)).toEqual({ delivered: true })
  expect(await shovel.exitOf(commandId)).toMatchObject({ exitCode: null, signal: 15 })
  expect(await shovel.peer.call('signal', signal)).toEqual({ delivered: false })
})

test('a command sees pipes that it can open again', async () => {
  await using shovel = await LocalShovel.start()
  const result = await shovel.run(
    'sh',
    ['-c', 'echo one >/dev/stderr; echo two >/dev/stdout; cat </dev/stdin'],
    'three',
  )
  expect(result.stderr.toString()).toBe('one\n')
  expect(result.stdout.toString()).toBe('two\nthree')
})

test('tells the host to stop when a command does not read its input', async () => {
  await using shovel = await LocalShovel.start()
  const stdin = shovel.allotStream()
  const started = shovel.spawn('sh', ['-c', 'exec <&-; sleep 0.2'], { stdin })
  const reset = new Promise<number>((resolve) => {
    const sender = shovel.multiplexer.openSender(stdin, { onWritable: () => undefined, onReset: resolve })
    sender.write(Buffer.alloc(4 * 1024 * 1024))
  })
  const { commandId } = await started
  expect(await reset).toBe(1)
  expect(await shovel.exitOf(commandId)).toMatchObject({ exitCode: 0 })
})

test('closes the pipe of a command when the host wants no more of its output', async () => {
  await using shovel = await LocalShovel.start()
  const stdout = shovel.allotStream()
  const receiver = shovel.multiplexer.openReceiver(stdout, {
    onData: () => receiver.reset(1),
    onEnd: () => undefined,
    onReset: () => undefined,
  })
  const { commandId } = await shovel.spawn('yes', [], { stdout })
  expect(await shovel.exitOf(commandId)).toMatchObject({ signal: 13 })
})

test('an input that has ended can be opened again', async () => {
  await using shovel = await LocalShovel.start()
  const result = await shovel.run('sh', ['-c', 'cat; sleep 0.3; cat /dev/stdin; cat </dev/stdin; echo end'], 'text ')
  expect(result.stdout.toString()).toBe('text end\n')
})
