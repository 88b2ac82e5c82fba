import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeEngine } from '../../helpers/engine-suite.js'
import { FIRST_START_TIMEOUT_MS, FurtherEngine } from '../../helpers/further-engine.js'

let engine: FurtherEngine
beforeAll(async () => {
  engine = await FurtherEngine.start('containerd')
}, FIRST_START_TIMEOUT_MS)
afterAll(() => engine[Symbol.asyncDispose]())

describe('the engine', () => {
  it('keeps images in containerd, as Engine 29 does', async () => {
    const info = await engine.driver.info()
    expect(info).toMatchObject({ product: 'docker', storageDriver: 'overlayfs', local: true })
  })
})

describeEngine('Docker 26 with containerd images', {
  engine: () => engine,
  ...{ runtime: 'runc', profile: 'docker', source: 'host' },
})
