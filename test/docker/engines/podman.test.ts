import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContainerSandbox } from '../../../src/index.js'
import { describeEngine } from '../../helpers/engine-suite.js'
import { FIRST_START_TIMEOUT_MS, FurtherEngine } from '../../helpers/further-engine.js'
import { rejection } from '../../helpers/sandboxes.js'

let engine: FurtherEngine
beforeAll(async () => {
  engine = await FurtherEngine.start('podman')
}, FIRST_START_TIMEOUT_MS)
afterAll(() => engine[Symbol.asyncDispose]())

describe('the engine', () => {
  it('is Podman 5, and says so', async () => {
    const info = await engine.driver.info()
    expect(info).toMatchObject({ product: 'podman', version: expect.stringMatching(/^5\./) as string, local: true })
  })
})

describeEngine('Podman', {
  engine: () => engine,
  ...{ runtime: 'runc', profile: 'podman', source: 'host' },
})

describe('what Podman does not do', () => {
  it('is refused: its socket ignores the runtime of a request', async () => {
    const error = await rejection(ContainerSandbox.create({ driver: engine.driver, runtime: 'runsc' }))
    expect(error).toMatchObject({ code: 'ERR_POLICY_MISMATCH' })
    expect((error as Error).message).toContain('runtime (engine): wanted runsc, found runc')
    expect(await engine.driver.list()).toEqual([])
  })

  it('costs only the sandbox itself: inodes without a limit of their own end at its memory', async () => {
    const sandbox = await ContainerSandbox.create({
      driver: engine.driver,
      limits: { memoryBytes: '96MiB', scratchBytes: '16MiB', shmBytes: '1MiB' },
    })
    try {
      const flood = 'for (let i = 0; ; i += 1) require("fs").writeFileSync("/tmp/" + i, "")'
      const result = await sandbox.run('node', ['-e', flood], { timeoutMs: 90_000 })
      expect(result.outcome).toBe('oom')
    } finally {
      await sandbox.kill()
    }
  })
})
