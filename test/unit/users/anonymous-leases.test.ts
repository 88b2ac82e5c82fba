import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { UserAllocator } from '../../../src/users/index.js'
import { findProcessState, readOwnIdentity, type ProcessIdentity } from '../../../src/users/process-identity.js'
import { useFolder, usePrograms } from './fixture.js'

const folder = useFolder()
const start = usePrograms()

/** An allocator with `count` uids for anonymous users, from 400,000 on. */
function allocator(stateDir: string, count: number): UserAllocator {
  return new UserAllocator({ stateDir, firstUid: 399_999, firstAnonymousUid: 400_000, lastUid: 399_999 + count })
}

/** Puts a lease on 400,000 into a new state folder. */
function withLease(lease: unknown, text: string = JSON.stringify(lease)): { stateDir: string; path: string } {
  const stateDir = folder()
  const path = join(stateDir, 'leases', '400000')
  mkdirSync(join(stateDir, 'leases'))
  writeFileSync(path, text)
  return { stateDir, path }
}

const own = await readOwnIdentity()
const dead: ProcessIdentity = { ...own, startTicks: '1' }

test('every living sandbox has a uid of its own, and one that was given back comes again last', async () => {
  const users = allocator(folder(), 4)
  const first = await users.acquireAnonymous()
  const second = await users.acquireAnonymous()
  expect([first, second]).toMatchObject([
    { uid: 400_000, gid: 400_000 },
    { uid: 400_001, gid: 400_001 },
  ])
  await first.release()
  await first.release()
  const later = [await users.acquireAnonymous(), await users.acquireAnonymous(), await users.acquireAnonymous()]
  expect(later.map(({ uid }) => uid)).toEqual([400_002, 400_003, 400_000])
})

test('when all are in use the error can be retried, and after a release it works', async () => {
  const users = allocator(folder(), 2)
  const [first] = [await users.acquireAnonymous(), await users.acquireAnonymous()]
  const error: unknown = await users.acquireAnonymous().catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ retryable: true, details: { firstAnonymousUid: 400_000, lastUid: 400_001 } })
  await first.release()
  expect((await users.acquireAnonymous()).uid).toBe(first.uid)
})

test('many callers in one process', async () => {
  const users = allocator(folder(), 100)
  const leases = await Promise.all(Array.from({ length: 100 }, () => users.acquireAnonymous()))
  expect(new Set(leases.map(({ uid }) => uid)).size).toBe(100)
})

test('two processes that race for 200', async () => {
  const stateDir = folder()
  const programs = [1, 2].map(() => start('lease', stateDir, '400000', '400199', '100'))
  await Promise.all(programs.map((program) => program.saw('done')))
  const uids = programs.flatMap(({ lines }) => lines.filter((line) => line !== 'done'))
  expect(new Set(uids).size).toBe(200)
  await Promise.all(programs.map((program) => program.kill()))
})

test('the uid of a killed process rests before it is given out again', async () => {
  const stateDir = folder()
  const program = start('lease', stateDir, '400000', '400000')
  await program.saw('done')
  await expect(allocator(stateDir, 1).acquireAnonymous()).rejects.toThrow(/No uid is left/)
  await program.kill()
  await expect(allocator(stateDir, 1).acquireAnonymous()).rejects.toThrow(/No uid is left/)

  const path = join(stateDir, 'leases', '400000')
  const lease = JSON.parse(readFileSync(path, 'utf8')) as { deadSinceMs: number }
  expect(lease.deadSinceMs).toBeGreaterThan(0)
  writeFileSync(path, JSON.stringify({ ...lease, deadSinceMs: lease.deadSinceMs - 61_000 }))
  expect(await allocator(stateDir, 1).acquireAnonymous()).toMatchObject({ uid: 400_000 })
})

test('a lease of an earlier boot is free at once', async () => {
  const { stateDir } = withLease({ owner: { ...own, bootId: 'another' }, deadSinceMs: null })
  expect(await allocator(stateDir, 1).acquireAnonymous()).toMatchObject({ uid: 400_000 })
})

test("a lease of another container's process stays, because nobody here can tell whether it lives", async () => {
  const { stateDir, path } = withLease({ owner: { ...own, pidNamespace: 'pid:[1]' }, deadSinceMs: null })
  await expect(allocator(stateDir, 1).acquireAnonymous()).rejects.toThrow(/No uid is left/)
  const longAgo = new Date(Date.now() - 26 * 24 * 3_600_000)
  utimesSync(path, longAgo, longAgo)
  expect(await allocator(stateDir, 1).acquireAnonymous()).toMatchObject({ uid: 400_000 })
})

test.each(['', '{', '{"owner":5}', 'null'])(
  'a lease that cannot be read (%j) is kept unless it is older than the boot',
  async (text) => {
    const { stateDir, path } = withLease(null, text)
    await expect(allocator(stateDir, 1).acquireAnonymous()).rejects.toThrow(/No uid is left/)
    utimesSync(path, new Date(0), new Date(0))
    expect(await allocator(stateDir, 1).acquireAnonymous()).toMatchObject({ uid: 400_000 })
  },
)

test.each(['', 'x', '-1', '1e9', '399999', '400002'])('a damaged cursor (%j) costs nothing', async (cursor) => {
  const { stateDir } = withLease({ owner: dead, deadSinceMs: 0 })
  writeFileSync(join(stateDir, 'leases', 'cursor'), cursor)
  const users = allocator(stateDir, 2)
  const uids = [await users.acquireAnonymous(), await users.acquireAnonymous()].map(({ uid }) => uid)
  expect(uids.sort()).toEqual([400_000, 400_001])
})

test('what a killed process left half made is removed', async () => {
  const { stateDir } = withLease({ owner: dead, deadSinceMs: 0 })
  const leftover = join(stateDir, 'leases', '400001.99-abc.tmp')
  writeFileSync(leftover, '')
  utimesSync(leftover, new Date(0), new Date(0))
  await allocator(stateDir, 2).acquireAnonymous()
  expect(existsSync(leftover)).toBe(false)
  expect(readdirSync(join(stateDir, 'leases')).sort()).toEqual(['400000', 'cursor'])
})

test('whether a process lives', async () => {
  expect(await findProcessState(own, own)).toBe('alive')
  expect(await findProcessState(dead, own)).toBe('dead')
  expect(await findProcessState({ ...own, pid: 4_194_304 }, own)).toBe('dead')
  expect(await findProcessState({ ...own, bootId: 'x' }, own)).toBe('dead')
  expect(await findProcessState({ ...own, pidNamespace: 'pid:[1]' }, own)).toBe('unknown')
})
