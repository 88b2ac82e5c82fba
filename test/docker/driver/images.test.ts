import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import { ImageError } from '../../../src/errors.js'
import { BUSYBOX_IMAGE, busyboxContext, ensureBusyboxImage } from '../../helpers/busybox.js'

const driver = new DockerDriver({ sweep: false })
const { images } = driver
const TAG = `container-sandbox-test/scratch:${process.pid}`

beforeAll(() => ensureBusyboxImage(images))
afterAll(async () => {
  await images.remove(TAG)
  await driver.close()
})

it('an image that is not there is null', async () => {
  expect(await images.inspect('container-sandbox-test/nothing:1')).toBeNull()
})

it('a build gives the facts of the image', async () => {
  const context = await busyboxContext('FROM scratch\nCOPY empty /e\nENV A=b=c\nVOLUME /v\nONBUILD RUN x\n')
  const facts = await images.build({ context, tag: TAG, labels: { 'test.label': TAG } })
  expect(facts).toMatchObject({ tags: [TAG], env: { A: 'b=c' }, volumes: ['/v'], onBuild: ['RUN x'] })
  expect(facts.labels).toEqual({ 'test.label': TAG })
  expect(facts.layers.length).toBeGreaterThan(0)
  expect((await images.list({ 'test.label': TAG })).map(({ id }) => id)).toEqual([facts.id])
  expect((await images.inspect(facts.id))?.id).toBe(facts.id)
})

it('a build that fails says why, with what came before', async () => {
  const context = await busyboxContext(
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox","sh","-c","echo words; exit 7"]\n',
  )
  const error = await images.build({ context, tag: TAG, labels: {} }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ImageError)
  expect((error as ImageError).message).toMatch(/non-zero code: 7/)
  expect((error as ImageError).details.output).toContain('words')
})

it('a context that breaks off is an error, and an abort ends a build', async () => {
  const broken = Readable.from(
    (function* () {
      yield Buffer.alloc(10_000)
      throw new Error('disk gone')
    })(),
  )
  await expect(images.build({ context: broken, tag: TAG, labels: {} })).rejects.toThrow()
  const endless = new Readable({ read: () => undefined })
  const started = performance.now()
  const aborted = images.build({ context: endless, tag: TAG, labels: {} }, AbortSignal.timeout(200))
  await expect(aborted).rejects.toThrow(/timeout/i)
  expect(performance.now() - started).toBeLessThan(30_000)
  expect(endless.destroyed).toBe(true)
})

it('an archive that is none cannot be loaded', async () => {
  await expect(images.load(Readable.from([Buffer.alloc(2_000, 'x')]))).rejects.toThrow()
})

it('paths of an image are looked at without running it', async () => {
  const found = await images.statPaths?.(BUSYBOX_IMAGE, ['/bin', '/bin/busybox', '/nowhere', '/work'])
  expect(found).toEqual(
    new Map([
      ['/bin', { type: 'directory', link: null }],
      ['/bin/busybox', { type: 'file', link: null }],
      ['/work', { type: 'directory', link: null }],
    ]),
  )
  expect((await driver.list()).filter(({ name }) => name.includes('probe'))).toEqual([])
})

it('removing what is not there is fine', async () => {
  await images.remove('container-sandbox-test/nothing:1')
})
