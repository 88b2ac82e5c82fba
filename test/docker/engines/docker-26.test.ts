import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContainerSandbox, ProtocolError } from '../../../src/index.js'
import { describeEngine } from '../../helpers/engine-suite.js'
import { FIRST_START_TIMEOUT_MS, FurtherEngine } from '../../helpers/further-engine.js'

let engine: FurtherEngine
beforeAll(async () => {
  engine = await FurtherEngine.start('docker')
}, FIRST_START_TIMEOUT_MS)
afterAll(() => engine[Symbol.asyncDispose]())

describe('the engine', () => {
  it('is Docker 26 with its own image store, spoken to in its newest API', async () => {
    expect(await engine.driver.info()).toMatchObject({
      product: 'docker',
      version: expect.stringMatching(/^26\.1\./) as string,
      apiVersion: '1.45',
      storageDriver: 'overlay2',
      local: true,
    })
  })
})

describeEngine('Docker 26 with runc', {
  engine: () => engine,
  ...{ runtime: 'runc', profile: 'docker', source: 'host' },
})

describeEngine('Docker 26 with gVisor', {
  engine: () => engine,
  ...{ runtime: 'runsc', profile: 'runsc', source: 'guest' },
})

describe('what gVisor does not keep apart', () => {
  it('is the channel and the sandbox: a command that writes to it ends its own sandbox', async () => {
    const sandbox = await ContainerSandbox.create({ driver: engine.driver, runtime: 'runsc' })
    const exit = new Promise((resolve) => sandbox.once('exit', (code, signal, error) => resolve(error.cause)))
    sandbox.on('error', () => undefined)
    try {
      const forging = sandbox.shell('for fd in /proc/[0-9]*/fd/1; do echo "no frame at all" >$fd; done; sleep 60')
      expect(await exit).toBeInstanceOf(ProtocolError)
      expect(await forging).toMatchObject({ outcome: 'lost' })
    } finally {
      await sandbox.kill()
    }
    expect(await engine.driver.list()).toEqual([])
  })
})
