import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { ContainerSandbox } from '../../../src/index.js'
import { MetricsEndpoint } from '../../../src/sandbox/metrics-endpoint.js'
import { CHANNELS, type ChannelMessages } from '../../../src/telemetry/index.js'
import { parseExposition } from '../../helpers/exposition.js'
import { MemoryTelemetry } from '../../helpers/open-telemetry.js'
import { rejection } from '../../helpers/sandboxes.js'

type Event = { [Name in keyof ChannelMessages]: readonly [Name, ChannelMessages[Name]] }[keyof ChannelMessages]

async function withEvents(work: () => Promise<void>): Promise<readonly Event[]> {
  const events: Event[] = []
  const listen = (message: unknown, name: string | symbol): void =>
    void events.push([name, message] as unknown as Event)
  const names = Object.keys(CHANNELS)
  for (const name of names) subscribe(name, listen)
  await work().finally(() => names.forEach((name) => unsubscribe(name, listen)))
  return events
}

/** A life with one command of each end that can be had quickly. */
async function live(): Promise<{ readonly id: string; readonly containerId: string | null }> {
  const sandbox = await ContainerSandbox.create({
    limits: { memoryBytes: '96MiB', scratchBytes: '8MiB', shmBytes: '8MiB' },
  })
  try {
    await sandbox.run('true')
    await sandbox.run('sleep', ['9'], { timeoutMs: 100 })
    await sandbox.run('head', ['-c', '5000', '/dev/zero'], { outputBytes: 1_000 })
    await sandbox.shell('while :; do :; done', { cpuTimeMs: 100 })
    await sandbox.run('node', ['-e', 'const a = []; for (;;) a.push(Buffer.alloc(1e6, 1))'])
    await sandbox.run('sleep', ['9'], { signal: AbortSignal.timeout(100) })
    const child = sandbox.spawn('sh', ['-c', 'kill -9 $$'])
    await new Promise((resolve) => child.once('close', resolve))
    return { id: sandbox.id, containerId: sandbox.containerId }
  } finally {
    await sandbox.kill()
  }
}

const ENDS = { exited: 1, timeout: 1, outputLimit: 1, cpuTime: 1, oom: 1, canceled: 1, signaled: 1 }

it('numbers tell of starts, ends, outcomes, limits and requests', async () => {
  using sdk = new MemoryTelemetry()
  await using endpoint = await MetricsEndpoint.open({ port: 0 })
  await live()
  await rejection(ContainerSandbox.create({ base: 'container-sandbox-test:lacking' }))

  const values = async (name: string, key: string): Promise<unknown> =>
    Object.fromEntries((await sdk.pointsOf(name)).map(({ attributes, value }) => [String(attributes[key]), value]))
  expect(await values('container_sandbox.command.ends', 'container_sandbox.outcome')).toEqual(ENDS)
  expect(await values('container_sandbox.limit.hits', 'container_sandbox.limit')).toEqual({
    ...{ memory: 1, timeout: 1, cpuTime: 1, output: 1 },
  })
  expect(await values('container_sandbox.sandbox.ends', 'container_sandbox.reason')).toEqual({ killed: 1 })
  expect(await values('container_sandbox.sandbox.starts', 'error.type')).toEqual({ undefined: 1, ERR_IMAGE: 1 })
  const requests = await sdk.pointsOf('container_sandbox.engine.requests')
  expect(requests).toContainEqual({
    attributes: { 'container_sandbox.operation': 'container.start', 'http.response.status_code': 204 },
    value: 1,
  })
  const timed = (await sdk.pointsOf('container_sandbox.engine.request.duration')).map(
    ({ attributes }) => attributes['container_sandbox.operation'],
  )
  expect(timed).toContain('container.create')
  expect(timed).not.toContain('container.wait')

  const families = parseExposition(await (await fetch(endpoint.url)).text())
  const shown = families.get('container_sandbox_command_ends_total')?.samples ?? []
  const positive = shown.filter(({ value }) => value > 0).map(({ labels, value }) => [labels['outcome'], value])
  expect(Object.fromEntries(positive)).toEqual(ENDS)
})

it('the limits of a whole sandbox are told once, by its end', async () => {
  using sdk = new MemoryTelemetry()
  const brief = await ContainerSandbox.create({ limits: { lifetimeMs: 4_000 } })
  expect((await brief.run('sleep', ['60'])).outcome).toBe('lost')
  const points = (name: string): Promise<unknown> => sdk.pointsOf(`container_sandbox.${name}`)
  expect(await points('limit.hits')).toEqual([{ attributes: { 'container_sandbox.limit': 'lifetime' }, value: 1 }])
  expect(await points('sandbox.ends')).toEqual([{ attributes: { 'container_sandbox.reason': 'lifetime' }, value: 1 }])
  expect(await points('command.ends')).toEqual([{ attributes: { 'container_sandbox.outcome': 'lost' }, value: 1 }])
})

it('messages tell the same as it happens, in order', async () => {
  let lived: Awaited<ReturnType<typeof live>> | undefined
  const events = await withEvents(async () => void (lived = await live()))
  const of = <Name extends keyof ChannelMessages>(name: Name): readonly ChannelMessages[Name][] =>
    events.filter(([other]) => other === name).map(([, message]) => message as ChannelMessages[Name])
  const { id: sandboxId, containerId } = lived!
  expect(of('container-sandbox:sandbox:start')).toEqual([
    { sandboxId, containerId, durationMs: expect.any(Number) as number, error: null },
  ])
  expect(of('container-sandbox:sandbox:end')).toMatchObject([{ sandboxId, containerId, reason: 'killed' }])
  const starts = of('container-sandbox:command:start')
  const ends = of('container-sandbox:command:end')
  expect(ends.map(({ outcome }) => outcome).sort()).toEqual(Object.keys(ENDS).sort())
  expect(ends.map(({ commandId }) => commandId)).toEqual(starts.map(({ commandId }) => commandId))
  for (const message of starts) expect(Object.keys(message)).toEqual(['sandboxId', 'commandId', 'program'])
  const requests = of('container-sandbox:engine:request')
  expect(requests).toContainEqual({
    ...{ operation: 'container.start', method: 'POST', statusCode: 204, errorType: null },
    durationMs: expect.any(Number) as number,
  })
  const order = events.map(([name]) => name).filter((name) => !name.startsWith('container-sandbox:engine:'))
  expect(order[0]).toBe('container-sandbox:sandbox:start')
  expect(order.at(-1)).toBe('container-sandbox:sandbox:end')
})
