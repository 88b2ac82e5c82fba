import { expect, test, vi } from 'vitest'
import type { ImageFacts, ImageStore } from '../../../src/driver/driver.js'
import { LayerAdder } from '../../../src/image/layer-adder.js'

const base: ImageFacts = {
  id: 'sha256:base',
  tags: [],
  env: {},
  volumes: [],
  onBuild: [],
  labels: {},
  architecture: 'amd64',
  sizeBytes: 0,
  layers: [],
}

const imageOf = (name: string) => ({
  base,
  digest: name,
  tag: `made/${name}:1`,
  labels: {},
  layer: { sizeBytes: 0, open: async function* () {} },
})

/** A store in which a load ends when the test says so. */
function slowStore() {
  const waiting: (() => void)[] = []
  const load = vi.fn(() => new Promise<void>((resolve) => waiting.push(resolve)))
  const inspect = (tag: string) =>
    Promise.resolve({ ...base, id: tag, layers: [`sha256:${tag.replace(/^made\/|:1$/g, '')}`] })
  return { store: { load, inspect } as unknown as ImageStore, load, waiting }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('an engine gets four layers at a time, in the order of asking', async () => {
  const { store, load, waiting } = slowStore()
  const adder = new LayerAdder(store)
  const { signal } = new AbortController()
  const added = Array.from({ length: 6 }, (_, index) => adder.add(imageOf(String(index)), signal))
  await settle()
  expect(load).toHaveBeenCalledTimes(4)
  waiting.shift()?.()
  await settle()
  expect(load).toHaveBeenCalledTimes(5)
  while (waiting.length > 0) {
    waiting.shift()?.()
    await settle()
  }
  expect((await Promise.all(added)).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5].map((name) => `made/${name}:1`))
})

test('one that waits and is given up is never sent', async () => {
  const { store, load, waiting } = slowStore()
  const adder = new LayerAdder(store)
  const running = Array.from({ length: 4 }, (_, index) =>
    adder.add(imageOf(String(index)), new AbortController().signal),
  )
  const controller = new AbortController()
  const given = adder.add(imageOf('late'), controller.signal)
  const failure = expect(given).rejects.toThrow('enough')
  controller.abort(new Error('enough'))
  await failure
  await settle()
  waiting.forEach((finish) => {
    finish()
  })
  await Promise.all(running)
  expect(load).toHaveBeenCalledTimes(4)
})
