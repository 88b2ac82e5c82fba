import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import { ownIdentity } from '../../../src/driver/host-identity.js'
import { buildLabels, LABELS, type Owner } from '../../../src/policy/labels.js'
import { PrivateEngine } from '../../helpers/engine.js'
import { busyboxContext, busyboxSpec, ensureBusyboxImage } from '../../helpers/busybox.js'

const MINUTE_MS = 60_000

/** An engine of this file's own: drivers of other tests sweep theirs by themselves. */
let engine: PrivateEngine
let driver: DockerDriver
beforeAll(async () => {
  engine = await PrivateEngine.start()
  driver = new DockerDriver({ host: engine.host, sweep: false })
  await ensureBusyboxImage(driver.images)
})
afterAll(async () => {
  await driver.close()
  await engine[Symbol.asyncDispose]()
})

async function deadProcess(): Promise<Owner> {
  const child = spawn('true')
  await once(child, 'exit')
  return { ...ownIdentity(), pid: child.pid ?? 0, startTicks: '1' }
}

async function launchOwnedBy(owner: Owner, deadlineMs: number) {
  const sandboxId = `sweep-${process.pid}-${Math.random()}`
  const deadline = new Date(Date.now() + deadlineMs)
  const labels = buildLabels({ role: 'sandbox', owner, version: '0.0.0', sandboxId, deadline })
  return driver.launch(busyboxSpec('sleep 300', { labels }))
}

const idsLeft = async () => (await driver.list()).map(({ id }) => id)

it('a sweep removes what dead owners left and what is long past its deadline, and nothing else', async () => {
  const elsewhere = { ...ownIdentity(), hostname: 'another-host' }
  const dead = await launchOwnedBy(await deadProcess(), 10 * MINUTE_MS)
  const expired = await launchOwnedBy(elsewhere, -2 * MINUTE_MS)
  const ours = await launchOwnedBy(ownIdentity(), -2 * MINUTE_MS)
  const foreign = await launchOwnedBy(elsewhere, 10 * MINUTE_MS)
  const grace = await launchOwnedBy(elsewhere, -MINUTE_MS / 2)
  const otherBoot = await launchOwnedBy({ ...ownIdentity(), bootId: 'x' }, 10 * MINUTE_MS)
  try {
    const { containers } = await driver.prune()
    expect([...containers]).toEqual(expect.arrayContaining([dead.id, expired.id]))
    const left = await idsLeft()
    for (const { id } of [ours, foreign, grace, otherBoot]) expect(left).toContain(id)
    for (const { id } of [dead, expired]) expect(left).not.toContain(id)
    expect(await dead.exited).toMatchObject({ exitCode: 137 })
  } finally {
    await Promise.all([dead, expired, ours, foreign, grace, otherBoot].map((handle) => handle.destroy()))
  }
})

it('two sweeps at once agree', async () => {
  const owner = await deadProcess()
  const orphans = await Promise.all([1, 2, 3, 4].map(() => launchOwnedBy(owner, 10 * MINUTE_MS)))
  const other = new DockerDriver({ host: engine.host, sweep: false })
  const reports = await Promise.all([driver.prune(), other.prune(), driver.prune()])
  await other.close()
  const ids = orphans.map(({ id }) => id)
  expect(reports.flatMap(({ containers }) => containers)).toEqual(expect.arrayContaining(ids))
  expect((await idsLeft()).filter((id) => ids.includes(id))).toEqual([])
  await Promise.all(orphans.map((orphan) => orphan.destroy()))
})

it('a driver sweeps by itself after its first launch, in the background', async () => {
  const orphan = await launchOwnedBy(await deadProcess(), 10 * MINUTE_MS)
  const sweeping = new DockerDriver({ host: engine.host })
  const handle = await sweeping.launch(busyboxSpec('sleep 300'))
  await expect.poll(idsLeft, { timeout: 30_000 }).not.toContain(orphan.id)
  expect(await idsLeft()).toContain(handle.id)
  await handle.destroy()
  await sweeping.close()
  await orphan.destroy()
})

it('remove() takes no container that is not ours', async () => {
  const labels = { ...busyboxSpec('true').labels, [LABELS.role]: 'image' }
  const handle = await driver.launch(busyboxSpec('sleep 300', { labels }))
  await expect(driver.remove(handle.id)).rejects.toThrow(/No container of this package/)
  await handle.destroy()
})

it('unused images go, used and young ones stay', async () => {
  const build = async (name: string, role: 'image' | null) => {
    const labels = role === null ? {} : buildLabels({ role, owner: ownIdentity(), version: '0.0.0' })
    const context = await busyboxContext(`FROM scratch\nCOPY busybox /bin/busybox\nLABEL name=${name}\n`)
    return driver.images.build({
      context,
      tag: `${name === 'derived' ? 'company' : 'container-sandbox'}/${name}:1`,
      labels,
    })
  }
  const [used, unused, foreign, derived] = [
    await build('used', 'image'),
    await build('unused', 'image'),
    await build('foreign', null),
    // As somebody's own image that was built on one of ours: the labels are inherited.
    await build('derived', 'image'),
  ]
  const handle = await driver.launch(busyboxSpec('sleep 300', { image: used.id }))
  expect((await driver.prune({ images: true })).images).toEqual([])
  expect((await driver.prune({ all: true })).images).toEqual([])
  const report = await driver.prune({ images: true, all: true })
  expect(report.images).toEqual([unused.id])
  expect(report.reclaimedBytes).toBeGreaterThan(1_000_000)
  expect(await driver.images.inspect(unused.id)).toBeNull()
  expect(await driver.images.inspect(foreign.id)).not.toBeNull()
  expect(await driver.images.inspect(derived.id)).not.toBeNull()
  await handle.destroy()
  expect((await driver.prune({ images: true, all: true })).images).toEqual([used.id])
})
