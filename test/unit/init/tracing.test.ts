import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TestInit } from '../../helpers/init-client.js'

const tracerOf = (pid: number | string): number =>
  Number(/^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

test('strace attaches to init and to all that it forks', async () => {
  await using init = await TestInit.start()
  await init.shell('true')
  const tracer = spawn('strace', ['-f', '-qq', '-o', '/dev/null', '-p', `${init.hostPid}`], { stdio: 'ignore' })
  await expect.poll(() => tracerOf(init.hostPid)).toBe(tracer.pid)

  const command = await init.spawn('sh', { args: ['-c', 'sleep 60 & echo; read line; exit 3'] })
  await new Promise((resolve) => command.streams.get(1)?.once('data', resolve))
  const supervisor = init.children.at(-1) ?? 0
  const below = (pid: number): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  const main = below(supervisor)
  const traced = [supervisor, ...main, ...main.flatMap(below)]
  expect(traced).toHaveLength(3)
  expect(traced.map(tracerOf)).toEqual(traced.map(() => tracer.pid))

  command.streams.get(0)?.end('end\n')
  expect(await command.exited).toMatchObject({ waitStatus: 3 << 8, leftovers: 1, cause: 'none' })
  tracer.kill('SIGINT')
  await once(tracer, 'exit')
  expect((await init.shell('exit 4')).waitStatus).toBe(4 << 8)
})
