import { describe, expect, it } from 'vitest'
import { SandboxExitedError, type ExitReason } from '../../../src/index.js'
import { parseBuildOptions } from '../../../src/options/index.js'
import { BuildCaches } from '../../../src/runner/build-caches.js'
import { BuildJob } from '../../../src/runner/build-job.js'
import type { CacheStore } from '../../../src/runner/caches/index.js'
import type { BuildLog } from '../../../src/runner/log/index.js'
import type { ContainerSandbox } from '../../../src/sandbox/container-sandbox.js'
import { rejection } from '../../helpers/sandboxes.js'

/** The caches of a build that were looked for and are saved by a store whose `save` rejects. */
async function restored(error: Error): Promise<{ job: BuildJob; caches: BuildCaches; details: string[] }> {
  const caches = ['a', 'b'].map((key) => ({ key, path: key }))
  const options = { tenant: 'acme', secrets: { KEY: 'hunter22' }, steps: [{ run: 'true' }], caches }
  const job = new BuildJob('id', parseBuildOptions(options), '/nowhere')
  const store = {
    digest: () => Promise.resolve('digest'),
    restore: () => Promise.resolve({ restored: 'none', bytes: 0, entries: 0, reason: null }),
    save: () => Promise.reject(error),
  }
  const details: string[] = []
  const append = (event: { detail?: string; action?: string }): Promise<void> => {
    details.push(`${event.action}: ${event.detail}`)
    return Promise.resolve()
  }
  const log = { append } as unknown as BuildLog
  const found = new BuildCaches(job, log, store as unknown as CacheStore, {} as ContainerSandbox)
  await found.restore(job.stopped)
  details.length = 0
  return { job, caches: found, details }
}

const gone = (reason: ExitReason): SandboxExitedError =>
  new SandboxExitedError('the sandbox of hunter22 is gone\u001b[2J', { exitCode: null, signal: null, reason })

describe('saving the caches of a build', () => {
  it('fails nothing when the sandbox ends meanwhile, and tells why each was not saved', async () => {
    const { caches, details } = await restored(gone('exited'))
    await caches.save(new AbortController().signal)
    const reason = 'the sandbox of *** is gone\\u001b[2J'
    expect(caches.results).toMatchObject([
      { key: 'a', saved: false, reason },
      { key: 'b', saved: false, reason },
    ])
    expect(details).toEqual([`skipped: ${reason}`, `skipped: ${reason}`])
  })

  it('ends with a jailbreak, which is worse than a cache that is not there', async () => {
    const { caches } = await restored(gone('jailbreak'))
    expect(await rejection(caches.save(new AbortController().signal))).toMatchObject({ reason: 'jailbreak' })
  })

  it('ends when the build is canceled', async () => {
    const { job, caches } = await restored(gone('killed'))
    job.stop('canceled')
    expect(await rejection(caches.save(job.canceled))).toMatchObject({ reason: 'killed' })
  })
})
