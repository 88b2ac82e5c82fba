import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DockerodeClient } from '../../../src/driver/docker/engine-client.js'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import { EngineUnavailableError } from '../../../src/errors.js'
import { busyboxSpec, ensureBusyboxImage } from '../../helpers/busybox.js'
import { type Fault, FaultyClient } from '../../helpers/faulty-client.js'

const plain = new DockerDriver({ sweep: false })
/** Only what hangs is given up early: the other steps take their time on a busy machine. */
const [IMPATIENT_MS, PATIENT_MS] = [2_000, 60_000]
const STEPS = ['create a container', 'attach to a container', 'start a container']

beforeAll(() => ensureBusyboxImage(plain.images))
afterAll(() => plain.close())

const realClient = () =>
  new DockerodeClient(
    () => Promise.resolve({ kind: 'unix', socketPath: '/var/run/docker.sock', origin: 'a test' }),
    PATIENT_MS,
  )

/** Launches with one fault at one step, and expects that nothing stays. */
async function launchWith(step: string, fault: Fault, signal?: AbortSignal): Promise<unknown> {
  let isDone = false
  const client = new FaultyClient(realClient(), (what) => {
    if (what !== step || isDone) return null
    isDone = true
    return fault
  })
  const timeoutOf = (what: string) => (fault.kind === 'hang' && what === step ? IMPATIENT_MS : PATIENT_MS)
  const createTimeoutMs = timeoutOf('create a container')
  const startTimeoutMs = timeoutOf('start a container')
  const driver = new DockerDriver({ sweep: false, createTimeoutMs, startTimeoutMs }, client)
  const spec = busyboxSpec('sleep 300')
  const id = spec.labels['container-sandbox.sandbox-id']
  try {
    const error: unknown = await driver.launch(spec, signal).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    const isLeft = async () => (await plain.list()).some(({ labels }) => labels['container-sandbox.sandbox-id'] === id)
    await expect.poll(isLeft, { timeout: 30_000 }).toBe(false)
    return error
  } finally {
    await driver.close()
  }
}

describe.each(STEPS)('at the step "%s" nothing is left after', (step) => {
  it('an abort before the engine has the request', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const effect = () => controller.abort(reason)
    expect(await launchWith(step, { kind: 'call', effect }, controller.signal)).toBe(reason)
  })

  it('an abort a moment after', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const effect = () => void setTimeout(() => controller.abort(reason), 5)
    expect(await launchWith(step, { kind: 'call', effect }, controller.signal)).toBe(reason)
  })

  it('a connection that breaks before', async () => {
    expect(await launchWith(step, { kind: 'fail-before' })).toBeInstanceOf(EngineUnavailableError)
  })

  it('a connection that breaks after the engine did it', async () => {
    expect(await launchWith(step, { kind: 'lost-after' })).toBeInstanceOf(EngineUnavailableError)
  })

  it('silence', async () => {
    const started = performance.now()
    expect(await launchWith(step, { kind: 'hang' })).toBeInstanceOf(EngineUnavailableError)
    expect(performance.now() - started).toBeLessThan(PATIENT_MS / 2)
  })
})

it('an abort before the launch sends nothing', async () => {
  const client = new FaultyClient(realClient(), () => null)
  const driver = new DockerDriver({ sweep: false }, client)
  await expect(driver.launch(busyboxSpec('true'), AbortSignal.abort())).rejects.toThrow(/abort/i)
  expect(client.calls).toEqual([])
  await driver.close()
})

it('a creation that is only slow is removed when it comes', async () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('enough')), 100)
  const error = await launchWith('create a container', { kind: 'delay', ms: 1_000 }, controller.signal)
  expect(error).toMatchObject({ message: 'enough' })
})

it('aborts at random moments leave nothing', async () => {
  const driver = new DockerDriver({ sweep: false })
  const ids: (string | undefined)[] = []
  for (let ms = 0; ms < 240; ms += 12) {
    const spec = busyboxSpec('sleep 300')
    ids.push(spec.labels['container-sandbox.sandbox-id'])
    const handle = await driver.launch(spec, AbortSignal.timeout(ms)).catch(() => null)
    await handle?.destroy()
  }
  const left = async () =>
    (await plain.list()).filter(({ labels }) => ids.includes(labels['container-sandbox.sandbox-id']))
  await expect.poll(left, { timeout: 30_000 }).toEqual([])
  await driver.close()
})
