import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { encodeSignal, encodeSpawn } from '../../../src/shovel/init-wire.js'
import { TestInit } from '../../helpers/init-client.js'

describe('init ends', () => {
  test.each([
    ['with the code of the shovel', ['/bin/sh', '-c', 'exit 9'], 9],
    ['with 128 and the signal of the shovel', ['/bin/sh', '-c', 'kill -KILL $$'], 137],
    ['with 127 when the shovel cannot be started', ['/no/such/shovel'], 127],
    ['with 125 when the shovel lets go of its control socket', ['/bin/sh', '-c', 'exec 3>&-; /bin/sleep 60'], 125],
  ])('%s', async (_name, shovel, expected) => {
    await using init = await TestInit.start({ shovel })
    expect(await init.ended).toBe(expected)
  })

  test('with the code of a shovel that closed its socket first', async () => {
    await using init = await TestInit.start({ shovel: ['/bin/sh', '-c', 'exec 3>&-; /bin/sleep 0.3; exit 8'] })
    expect(await init.ended).toBe(8)
  })

  test('when a guest kills the shovel', async () => {
    await using init = await TestInit.start()
    const command = init.shell('kill -9 2').catch(() => null)
    expect(await init.ended).toBe(137)
    await command
  })

  test('with 124 at the end of its lifetime, busy or not', async () => {
    await using init = await TestInit.start({ lifetimeMs: 3_000 })
    const started = Date.now()
    const command = await init.spawn('sh', { args: ['-c', 'trap "" TERM; (setsid sleep 60 &); while :; do :; done'] })
    expect(await init.ended).toBe(124)
    expect(Date.now() - started).toBeLessThan(8_000)
    expect(command.pid).toBeGreaterThan(2)
  })

  test('on a SIGTERM from outside', async () => {
    await using init = await TestInit.start()
    await init.shell('true')
    process.kill(init.hostPid, 'SIGTERM')
    expect(await init.ended).toBe(143)
  })
})

test('the shovel gets a fixed environment, the control socket and no descriptor more', async () => {
  const script = '/usr/bin/env | /usr/bin/sort; /bin/ls /proc/self/fd'
  await using init = await TestInit.start({ shovel: ['/bin/sh', '-c', `{ ${script}; } >&2`] })
  await init.ended
  // PWD is the shell's, 4 is what ls reads the folder with.
  expect(init.stderr).toBe('HOME=/\nPATH=/.sandbox/bin\nPWD=/\nUV_USE_IO_URING=0\n0\n1\n2\n3\n4\n')
})

describe('a bad request ends init with 125 and a word', () => {
  const good = encodeSpawn({ id: 1, cpuTimeMs: 0, pipes: [], file: 'true', argv: ['true'], env: {}, cwd: '/' })
  const framed = (body: Buffer | number[]): Buffer => {
    const bytes = Buffer.from(body)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const withPipes = (...pipes: number[][]): Buffer => {
    const body = good.subarray(4)
    return framed([...body.subarray(0, 13), pipes.length, ...pipes.flat(), ...body.subarray(14)])
  }
  test.each<[string, Buffer, string]>([
    ['of no bytes', Buffer.alloc(4), '0 bytes'],
    ['of more than 4 MiB', Buffer.from([1, 0, 64, 0]), '4194305 bytes'],
    ['of an unknown operation', framed([9]), 'operation 9'],
    ['that is short', framed(good.subarray(4, -1)), 'too short'],
    ['that is long', framed([...good.subarray(4), 0]), 'bytes after its end'],
    ['with a count beyond its end', framed([...good.subarray(4, 18), 255, 255, 255, 255, 0, 0]), 'too short'],
    [
      'without argument zero',
      encodeSpawn({ id: 1, cpuTimeMs: 0, pipes: [], file: 'a', argv: [], env: {}, cwd: '/' }),
      'no argument zero',
    ],
    ['with a descriptor twice', withPipes([1, 1], [1, 1]), 'named twice'],
    ['with a descriptor out of range', withPipes([16, 1]), 'out of range'],
    ['with an unknown direction', withPipes([1, 2]), 'out of range'],
    ['with an id that is in use', Buffer.concat([withPipes([1, 1]), withPipes([1, 1])]), 'there already'],
    ['for an unknown scope', framed([...encodeSignal(1, 15, 'tree').subarray(4, -1), 3]), 'SIGNAL'],
    ['for an unknown signal', framed([3, 1, 0, 0, 0, 65, 0]), 'SIGNAL'],
    ['of a wrong length', framed([2, 1, 0, 0]), 'OPENED'],
  ])('%s', async (_name, bytes, words) => {
    await using init = await TestInit.start()
    init.send(bytes)
    expect(await init.ended).toBe(125)
    expect(init.stderr).toContain('bad request')
    expect(init.stderr).toContain(words)
  })
})

test('a request that comes byte by byte is understood', async () => {
  await using init = await TestInit.start()
  const request = encodeSpawn({
    id: 900,
    cpuTimeMs: 0,
    pipes: [],
    file: 'true',
    argv: ['true'],
    env: { PATH: '/bin' },
    cwd: '/',
  })
  for (const byte of request) {
    init.send(Buffer.of(byte))
    await delay(1)
  }
  await expect.poll(() => init.answers.map((answer) => answer.op)).toEqual(['started', 'exited'])
})
