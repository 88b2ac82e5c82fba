/** Builds that wait, and what they hold meanwhile. */
import { PassThrough } from 'node:stream'
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { build, withRunner } from '../../helpers/runners.js'
import { heldBytes } from '../../helpers/memory.js'

it('a source stream that breaks while its build waits fails that build and nothing else', async () => {
  await withRunner({ concurrency: 1 }, async (runner) => {
    const running = await runner.submit({ tenant: 'a', steps: [{ run: 'sleep 1' }] })
    const tar = new PassThrough()
    const waiting = await runner.submit({ tenant: 'b', source: { tar }, steps: [{ run: 'true' }] })
    tar.destroy(new Error('the client went away'))
    expect((await running.result).outcome).toBe('succeeded')
    expect(await waiting.result).toMatchObject({ outcome: 'error', error: { code: 'ERR_SOURCE' } })
  })
})

it('a source stream that nobody has read is closed with its build', async () => {
  await withRunner({ concurrency: 1 }, async (runner) => {
    const running = await runner.submit({ tenant: 'a', steps: [{ run: 'sleep 60' }] })
    const tar = new PassThrough()
    const waiting = await runner.submit({ tenant: 'b', source: { tar }, steps: [{ run: 'true' }] })
    expect((await waiting.cancel()).outcome).toBe('canceled')
    expect(tar.destroyed).toBe(true)
    await running.cancel()
  })
})

it('secrets of waiting builds take no more memory than they do themselves', async () => {
  const secrets = Object.fromEntries(
    Array.from({ length: 4 }, (_, index) => [`S${index}`, randomBytes(32_000).toString('hex')]),
  )
  await withRunner({ concurrency: 1 }, async (runner) => {
    const running = await runner.submit({ tenant: 'a', steps: [{ run: 'sleep 60' }] })
    const before = heldBytes()
    for (let index = 0; index < 30; index++) await runner.submit({ tenant: 'b', secrets, steps: [{ run: 'true' }] })
    // 256 kB of secrets are 2 MiB and more of tables.
    expect(heldBytes() - before).toBeLessThan(20 * 1024 ** 2)
    for (const each of runner.list()) if (each !== running) void each.cancel()
    await running.cancel()
    const { output } = await build(runner, { secrets: { TOKEN: 'hunter22' }, steps: [{ run: 'echo hunter22' }] })
    expect(output).toBe('***\n')
  })
})
