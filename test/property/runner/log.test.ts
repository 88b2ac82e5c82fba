/** Logs: what is written is read, and what is damaged is left out. */
import fc from 'fast-check'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BuildLog, readBuildLog } from '../../../src/runner/log/index.js'
import type { BuildEventBody } from '../../../src/runner/build-events.js'
import { bodyOf, finished, gather } from '../../unit/runner/log/log-events.js'

let folder: string
let path: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-property-'))
  path = join(folder, 'log')
})
afterAll(() => rm(folder, { recursive: true }))

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
)
const count = fc.nat()
const body: fc.Arbitrary<BuildEventBody> = fc.oneof(
  fc.record({
    type: fc.constant('output' as const),
    step: count,
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    text,
  }),
  fc.record({ type: fc.constant('violation' as const), text }),
  fc.record({ type: fc.constant('step' as const), index: count, name: text, state: fc.constant('started' as const) }),
  fc.record({ type: fc.constant('queued' as const), id: text, tenant: text, steps: fc.array(text, { maxLength: 3 }) }),
  fc.record({ type: fc.constant('artifacts' as const), entries: count, bytes: count }),
)
const bodies = fc.array(body, { maxLength: 12 })

async function writeNew(events: readonly BuildEventBody[], maxBytes: number): Promise<BuildLog> {
  await rm(path, { force: true })
  const log = await BuildLog.create(path, { maxBytes })
  for (const event of events) void log.append(event)
  return log
}

test('every event is read as it was written, by followers too, and no line holds what a terminal acts on', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, async (events) => {
      const log = await writeNew(events, 2 ** 30)
      const early = gather(readBuildLog(path, { follow: true }))
      await log.flush()
      const read = await gather(readBuildLog(path))
      await log.append(finished)
      await log.close()
      expect(read.map(bodyOf)).toEqual(events)
      expect(read.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
      expect((await early).slice(0, -1)).toEqual(read)
      expect(await gather(readBuildLog(path, { follow: true }))).toEqual(await early)
      expect(await readFile(path, 'utf8')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}](?<!\n)/u)
    }),
    { numRuns: 200 },
  )
})

test('below its limit whatever comes, with all that is no output', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, fc.integer({ min: 1, max: 20 }), async (events, repeat) => {
      const all = Array.from({ length: repeat }, () => events).flat()
      const log = await writeNew(all, 8192)
      await log.close()
      const read = await gather(readBuildLog(path))
      const essential = (list: readonly { type: string }[]) =>
        list.filter(({ type }) => !['output', 'violation', 'truncated'].includes(type))
      expect(essential(read).length).toBe(essential(all).length)
      const beyond = read.findIndex(({ type }) => type === 'truncated')
      expect(log.truncated).toBe(beyond !== -1)
      if (beyond === -1) expect(read.length).toBe(all.length)
      else expect(read.slice(beyond + 1)).toEqual(essential(read.slice(beyond + 1)))
      const guest = read.filter(({ type }) => type === 'output' || type === 'violation')
      expect(guest.reduce((sum, event) => sum + JSON.stringify(event).length, 0)).toBeLessThanOrEqual(8192)
    }),
    { numRuns: 100 },
  )
})

test('any damage costs the lines that it touches and no others, and a log that is cut anywhere can be gone on with', async () => {
  await fc.assert(
    fc.asyncProperty(
      bodies,
      fc.uint8Array({ minLength: 1, maxLength: 30 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async (events, noise, share) => {
        const log = await writeNew(events, 2 ** 30)
        await log.close()
        const whole = await readFile(path)
        const original = await gather(readBuildLog(path))
        const at = Math.floor(share * (whole.length + 1))
        const before = whole.subarray(0, at).filter((byte) => byte === 10).length

        await writeFile(
          path,
          Buffer.concat([whole.subarray(0, at), Buffer.from('\n'), noise, Buffer.from('\n'), whole.subarray(at)]),
        )
        const damaged = readBuildLog(path)
        const read = await gather(damaged)
        expect(read.slice(0, before)).toEqual(original.slice(0, before))
        expect(read.slice(read.length - (original.length - before - 1))).toEqual(original.slice(before + 1))
        expect(damaged.skippedLines).toBeGreaterThan(0)

        await writeFile(path, whole.subarray(0, at))
        const resumed = await BuildLog.resume(path, { maxBytes: 2 ** 30 })
        await resumed.append({ type: 'artifacts', entries: 0, bytes: 0 })
        await resumed.close()
        const again = await gather(readBuildLog(path))
        expect(again.slice(0, -1)).toEqual(original.slice(0, before))
        expect(again.at(-1)).toMatchObject({ seq: before, type: 'artifacts' })
      },
    ),
    { numRuns: 150 },
  )
})
