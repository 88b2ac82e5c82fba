/** What a runner tells of its builds: spans, numbers, messages, log records, and its endpoint. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { expect, it } from 'vitest'
import { noLogger, withSpan, type Logger } from '../../../src/telemetry/index.js'
import { parseExposition } from '../../helpers/exposition.js'
import { MemoryTelemetry } from '../../helpers/open-telemetry.js'
import { build, withFolder, withRunner, type Followed } from '../../helpers/runners.js'
import { rejection } from '../../helpers/sandboxes.js'

const CHANNELS = ['submit', 'start', 'end'].map((name) => `container-sandbox:build:${name}`)

/** Two builds of one tenant: one that succeeds, with all that can be counted, and one that fails and has the first one's cache. */
async function runBoth(
  folder: string,
): Promise<{ told: unknown[]; records: unknown[]; both: readonly Followed[]; text: string }> {
  const source = { folder: join(folder, 'source') }
  mkdirSync(source.folder)
  writeFileSync(join(source.folder, 'file'), 'x'.repeat(1_000))
  const [told, records]: [unknown[], unknown[]] = [[], []]
  const listen = (message: unknown, name: string | symbol): unknown => told.push([name, message])
  const info: Logger['info'] = (record, message) => records.push([message, record])
  let url = ''
  for (const name of CHANNELS) subscribe(name, listen)
  try {
    const [both, text] = await withRunner({ logger: { ...noLogger, info }, metrics: { port: 0 } }, async (runner) => {
      url = runner.metricsUrl ?? ''
      const run = (exitCode: number): Promise<Followed> =>
        withSpan(`caller ${exitCode}`, {}, () =>
          build(runner, {
            source,
            secrets: { TOKEN: 's3cret-token' },
            steps: [
              { name: 's3cret-name', run: 'echo s3cret-argv; mkdir -p deps out; echo 1234 | tee deps/a out/b' },
              { run: `exit ${exitCode}`, env: { NAME: 's3cret-env' }, secrets: ['TOKEN'] },
            ],
            caches: [{ key: 'deps', path: 'deps' }],
            artifacts: ['out/**'],
          }),
        )
      return [[await run(0), await run(3)], await (await fetch(url)).text()] as const
    })
    expect(await rejection(fetch(url))).toBeInstanceOf(TypeError)
    return { told, records, both, text }
  } finally {
    for (const name of CHANNELS) unsubscribe(name, listen)
  }
}

it('each build tells of itself in spans, numbers, messages and records, and of no secret in any', async () => {
  using sdk = new MemoryTelemetry()
  const { told, records, both, text } = await withFolder(runBoth)
  const outcomes = ['succeeded', 'failed']
  const ids = both.map(({ result }) => result.id)
  expect(both.map(({ result }) => result.outcome)).toEqual(outcomes)

  for (const [index, { result, events }] of both.entries()) {
    const { id, durationMs, queuedMs } = result
    const [caller] = sdk.spansNamed(`caller ${index === 0 ? 0 : 3}`) as [ReadableSpan]
    const [span, ...others] = sdk.childrenOf(caller) as [ReadableSpan]
    expect([span.name, others]).toEqual(['container_sandbox.build', []])
    expect(span.attributes).toEqual({
      'container_sandbox.build.id': id,
      'container_sandbox.build.tenant': 'acme',
      'container_sandbox.build.outcome': outcomes[index],
    })
    const children = sdk.childrenOf(span)
    expect(children.filter(({ name }) => name === 'container_sandbox.sandbox.create')).toHaveLength(1)
    const steps = children.filter(({ name }) => name === 'container_sandbox.step')
    expect(steps.map(({ attributes }) => attributes)).toEqual(
      [0, 1].map((step) => ({ 'container_sandbox.step.index': step, 'container_sandbox.step.outcome': 'exited' })),
    )
    const commands = steps.flatMap((step) => sdk.childrenOf(step))
    expect(commands.map(({ name, attributes }) => [name, attributes['process.exit.code']])).toEqual([
      ['container_sandbox.command', 0],
      ['container_sandbox.command', index === 0 ? 0 : 3],
    ])
    const { sandboxId } = events.find((event) => event.type === 'started') ?? {}
    const facts = { buildId: id, tenant: 'acme' }
    expect(told.slice(3 * index, 3 * index + 3)).toEqual([
      [CHANNELS[0], facts],
      [CHANNELS[1], { ...facts, sandboxId, waitMs: queuedMs }],
      [CHANNELS[2], { ...facts, outcome: outcomes[index], durationMs }],
    ])
    expect(records[index]).toEqual(['build finished', { ...facts, outcome: outcomes[index], queuedMs, durationMs }])
  }
  expect([told.length, records.length]).toEqual([6, 2])

  const values = async (name: string, key: string): Promise<unknown> =>
    Object.fromEntries((await sdk.pointsOf(name)).map(({ attributes, value }) => [attributes[key], value]))
  expect(await values('container_sandbox.build.ends', 'container_sandbox.outcome')).toEqual({ succeeded: 1, failed: 1 })
  expect(await values('container_sandbox.cache.lookups', 'container_sandbox.result')).toEqual({ none: 1, exact: 1 })
  expect(await values('container_sandbox.build.bytes', 'container_sandbox.kind')).toEqual({
    ...{ source: 2_000, output: 34, artifact: 5, cache_saved: 5, cache_restored: 5 },
  })
  expect(await sdk.pointsOf('container_sandbox.build.duration')).toMatchObject([
    { attributes: { 'container_sandbox.outcome': 'succeeded' }, value: { count: 1 } },
    { attributes: { 'container_sandbox.outcome': 'failed' }, value: { count: 1 } },
  ])
  const ends = parseExposition(text).get('container_sandbox_build_ends_total')?.samples ?? []
  expect(ends.filter(({ value }) => value > 0).map(({ labels, value }) => [labels['outcome'], value])).toEqual(
    outcomes.map((outcome) => [outcome, 1]),
  )

  const spans = JSON.stringify(
    sdk.spans.map(({ name, attributes, events, status }) => [name, attributes, events, status]),
  )
  for (const all of [spans, JSON.stringify([told, records]), text]) expect(all).not.toContain('s3cret')
  // Numbers have no names at all.
  for (const name of ['acme', ...ids]) expect(text).not.toContain(name)
})
