import { once } from 'node:events'
import { join } from 'node:path'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ContainerSandbox } from '../../../src/index.js'
import { withSpan } from '../../../src/telemetry/index.js'
import { MemoryTelemetry } from '../../helpers/open-telemetry.js'
import { engine, rejection } from '../../helpers/sandboxes.js'

const CREATE = 'container_sandbox.sandbox.create'
const COMMAND = 'container_sandbox.command'
const REQUEST = 'container_sandbox.engine.request'

let sdk: MemoryTelemetry
beforeEach(() => void (sdk = new MemoryTelemetry()))
afterEach(() => sdk.close())

const operationsOf = (spans: readonly ReadableSpan[]) =>
  spans.filter(({ name }) => name === REQUEST).map(({ attributes }) => attributes['container_sandbox.operation'])

describe('two builds side by side', () => {
  /** What the build runner does: a span around all of a build, and one around each step. */
  const build = (name: string): Promise<string> =>
    withSpan(name, {}, async () => {
      const sandbox = await ContainerSandbox.create()
      await Promise.all(
        ['one', 'two'].map((step) => withSpan(`${name} ${step}`, {}, () => sandbox.run('echo', [`${name} s3cret`]))),
      )
      await sandbox.kill()
      return sandbox.id
    })

  it('have each its own tree, from the build to the requests', async () => {
    const ids = await Promise.all([build('a'), build('b')])
    for (const [index, name] of ['a', 'b'].entries()) {
      const [root] = sdk.spansNamed(name) as [ReadableSpan]
      const [created, ...moreCreated] = sdk.childrenOf(root).filter((span) => span.name === CREATE)
      expect(moreCreated).toEqual([])
      expect(created?.attributes).toEqual({
        'container_sandbox.sandbox.id': ids[index],
        'container.id': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      })
      const starting = operationsOf(sdk.childrenOf(created!))
      expect(starting).toEqual(
        expect.arrayContaining(['container.create', 'container.attach', 'container.start', 'container.inspect']),
      )
      expect(starting).not.toContain('container.wait')
      expect(starting).not.toContain('container.remove')
      expect(operationsOf(sdk.childrenOf(root))).toEqual(expect.arrayContaining(['container.kill', 'container.remove']))
      for (const step of ['one', 'two']) {
        const [span] = sdk.spansNamed(`${name} ${step}`) as [ReadableSpan]
        expect(
          sdk.childrenOf(span).map((child) => [child.name, child.attributes['container_sandbox.sandbox.id']]),
        ).toEqual([[COMMAND, ids[index]]])
      }
      // Nothing of one stands in the trace of the other.
      const trace = sdk.spans.filter((span) => span.spanContext().traceId === root.spanContext().traceId)
      const sandboxes = trace.map(({ attributes }) => attributes['container_sandbox.sandbox.id']).filter(Boolean)
      expect(new Set(sandboxes)).toEqual(new Set([ids[index]]))
      const containers = trace.map(({ attributes }) => attributes['container.id']).filter(Boolean)
      expect(new Set(containers).size).toBe(1)
    }
    const requests = sdk.spansNamed(REQUEST)
    for (const { kind } of requests) expect(kind).toBe(SpanKind.CLIENT)
    expect(
      requests.find(({ attributes }) => attributes['container_sandbox.operation'] === 'container.create'),
    ).toMatchObject({
      attributes: { 'http.request.method': 'POST', 'http.response.status_code': 201 },
    })
  })
})

describe('a command', () => {
  const told = () => sdk.spansNamed(COMMAND).map(({ attributes, status }) => ({ ...attributes, status: status.code }))

  it('tells how it ended, and nothing that may be a secret', async () => {
    await using sandbox = await ContainerSandbox.create({ env: { TOKEN: 's3cret-env' } })
    const options = { env: { OTHER: 's3cret-env' }, input: 's3cret-input' }
    await sandbox.run('/bin/cat', ['/s3cret-path'], options)
    await sandbox.shell('echo s3cret-output; sleep 9', { timeoutMs: 200 })
    await rejection(sandbox.run('false', [], { check: true }))
    await sandbox.run('no\u202e\nsuch'.padEnd(200, 'x'))
    const child = sandbox.spawn('sh', ['-c', 'exit 3'])
    await new Promise((resolve) => child.once('close', resolve))
    const lacking = sandbox.spawn('lacking')
    lacking.on('error', () => undefined)
    await new Promise((resolve) => lacking.once('close', resolve))
    const failed = { 'container_sandbox.outcome': 'exited', status: SpanStatusCode.ERROR }
    expect(told()).toMatchObject([
      { ...failed, 'process.executable.name': 'cat', 'process.exit.code': 1, 'error.type': '1' },
      { 'process.executable.name': 'sh', 'container_sandbox.outcome': 'timeout', 'error.type': 'timeout' },
      { ...failed, 'process.executable.name': 'false', 'process.exit.code': 1 },
      { ...failed, 'process.executable.name': expect.stringMatching(/^no\\u202e\\nsuchx+…$/) as string },
      { ...failed, 'process.executable.name': 'sh', 'process.exit.code': 3, 'error.type': '3' },
      { ...failed, 'process.executable.name': 'lacking', 'process.exit.code': 127 },
    ])
    await sandbox.kill()
    const all = JSON.stringify(
      sdk.spans.map(({ name, attributes, events, status }) => [name, attributes, events, status]),
    )
    expect(all).not.toContain('s3cret')
    expect(all).toContain('lacking')
  })

  it('that is lost with its sandbox has its end too', async () => {
    const sandbox = await ContainerSandbox.create()
    const run = sandbox.run('sleep', ['60'])
    const child = sandbox.spawn('sleep', ['60'])
    child.on('error', () => undefined)
    const closed = once(child, 'close')
    await once(child, 'spawn')
    await engine.getContainer(sandbox.containerId ?? '').kill()
    await Promise.all([run, closed])
    expect(told().map((span) => (span as Record<string, unknown>)['container_sandbox.outcome'])).toEqual([
      'lost',
      'lost',
    ])
    await rejection(sandbox.run('true'))
    expect(told().at(-1)).toMatchObject({ 'container_sandbox.outcome': 'error', 'error.type': 'ERR_SANDBOX_EXITED' })
  })
})

it('what a guest asks for later is within whoever started the sandbox, and within no request', async () => {
  const program = join(import.meta.dirname, '../../fixtures/telemetry/ask.js')
  const active: unknown[] = []
  const note = (what: string) => active.push([what, (trace.getActiveSpan() as ReadableSpan | undefined)?.name])
  await withSpan('starter', {}, async () => {
    const sandbox = new ContainerSandbox({ program })
    sandbox.rpc.expose('note', note)
    sandbox.on('stdout', () => note('stdout'))
    await sandbox.start()
    await withSpan('caller', {}, () => sandbox.rpc.call('ask', []))
    await sandbox.kill()
  })
  expect(active).toEqual([
    ['stdout', 'starter'],
    ['call', 'starter'],
  ])
})

it('a start that fails is told with the requests that it made', async () => {
  await rejection(ContainerSandbox.create({ base: 'container-sandbox-test:lacking' }))
  const [created] = sdk.spansNamed(CREATE) as [ReadableSpan]
  expect(created).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'ERR_IMAGE' } })
  const refused = sdk.spansNamed(REQUEST).filter(({ status }) => status.code === SpanStatusCode.ERROR)
  expect(refused).toMatchObject([{ attributes: { 'http.response.status_code': 404, 'error.type': '404' } }])
  expect(JSON.stringify(sdk.spans.map(({ attributes }) => attributes))).not.toContain('lacking')
})
