/** A users' file against a model, worked on by two processes in turn and at once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { useLineServer, type LineServer } from '../../helpers/line-server.js'

const start = useLineServer('file-server')
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

interface User {
  readonly name: string
  readonly uid: number
  readonly id: string
}

const name = fc.constantFrom('a', 'b', 'c', '__proto__')
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('add' as const), name }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('remove' as const), name }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('rename' as const), name, newName: name }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('lookup' as const), name }) },
)
const turns = fc.array(fc.record({ server: fc.nat(1), command }), { minLength: 1, maxLength: 14 })

/** Two processes with one file, new for each run. */
function startPair(): readonly [LineServer, LineServer] {
  const stateDir = mkdtempSync(join(tmpdir(), 'file-model-'))
  folders.push(stateDir)
  const args = [join(stateDir, 'accounts.json'), stateDir]
  return [start(args), start(args)]
}

let pair: readonly [LineServer, LineServer]

/** A file without users; uids go on, as they do for ever. */
async function clear(): Promise<void> {
  for (const user of (await pair[0].ask({ op: 'list' })).value as User[])
    await pair[0].ask({ op: 'remove', name: user.name })
}

describe('two processes with one file', () => {
  const everSeen = new Set<number>()
  beforeEach(() => {
    pair = startPair()
    everSeen.clear()
    return async () => {
      await Promise.all(pair.map((server) => server.kill()))
    }
  })

  /** A uid that somebody had is nobody else's. */
  const assertNew = (user: User) => {
    expect(everSeen.has(user.uid)).toBe(false)
    everSeen.add(user.uid)
  }

  test('in turn do what a Map does', async () => {
    await fc.assert(
      fc.asyncProperty(turns, async (steps) => {
        await clear()
        const model = new Map<string, User>()
        for (const { server, command: request } of steps) {
          const { value, error } = await (pair[server] ?? pair[0]).ask(request)
          const known = model.get(request.name)
          if (request.op === 'add') {
            expect(error === undefined).toBe(known === undefined)
            if (known !== undefined) continue
            assertNew(value as User)
            model.set(request.name, value as User)
          } else if (request.op === 'remove') {
            expect(error === undefined).toBe(known !== undefined)
            model.delete(request.name)
          } else if (request.op === 'rename') {
            const isFree = request.newName === request.name || !model.has(request.newName)
            expect(error === undefined).toBe(known !== undefined && isFree)
            if (known === undefined || !isFree) continue
            model.delete(request.name)
            model.set(request.newName, { ...known, name: request.newName })
          } else {
            expect(value).toEqual(known ?? null)
          }
        }
        const listed = (await pair[1].ask({ op: 'list' })).value as User[]
        expect(new Map(listed.map((user) => [user.name, user]))).toEqual(model)
      }),
      { numRuns: 25 },
    )
  })

  test('at once lose nothing and give no uid twice', async () => {
    await fc.assert(
      fc.asyncProperty(turns, turns, async (left, right) => {
        await clear()
        const answers = await Promise.all(
          [left, right].flatMap((steps, server) =>
            steps.map(async ({ command: request }) => ({ request, answer: await pair[server as 0 | 1].ask(request) })),
          ),
        )
        const done = answers.filter(({ answer }) => answer.error === undefined)
        const added = done.filter(({ request }) => request.op === 'add').map(({ answer }) => answer.value as User)
        for (const user of added) assertNew(user)
        const removed = done.filter(({ request }) => request.op === 'remove')
        const listed = (await pair[0].ask({ op: 'list' })).value as User[]
        // Whatever the order was: who was added and not removed is there, as who they were added as.
        expect(listed.length).toBe(added.length - removed.length)
        const ids = new Map(added.map(({ id, uid }) => [id, uid]))
        for (const { id, uid } of listed) expect(ids.get(id)).toBe(uid)
        expect(new Set(listed.map((user) => user.name)).size).toBe(listed.length)
      }),
      { numRuns: 20 },
    )
  })
})

test('a process that is killed at any moment loses no user that it had promised', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'file-kill-'))
  folders.push(stateDir)
  const args = [join(stateDir, 'accounts.json'), stateDir]
  const promised = new Map<string, number>()
  const reader = start(args)
  await fc.assert(
    fc.asyncProperty(fc.nat(120), fc.boolean(), async (pauseMs, afterOne) => {
      const round = `r${promised.size}`
      const writer = start(args)
      const isUp = await writer.ask({ op: 'lookup', name: 'x' })
      expect(isUp.error).toBeUndefined()
      const asked = Array.from({ length: 40 }, (_, index) =>
        writer.ask({ op: 'add', name: `${round}x${index}` }).then(({ value }) => {
          if (value !== undefined) promised.set((value as User).name, (value as User).uid)
        }),
      )
      // On a busy machine no user may be there yet after any of the pauses.
      if (afterOne) await asked[0]
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      await writer.kill()
      await Promise.all(asked)
      const listed = (await reader.ask({ op: 'list' })).value as User[]
      const uids = new Map(listed.map((user) => [user.name, user.uid]))
      for (const [name, uid] of promised) expect(uids.get(name)).toBe(uid)
      expect(new Set(uids.values()).size).toBe(listed.length)
    }),
    { numRuns: 12 },
  )
  await reader.kill()
  expect(promised.size).toBeGreaterThan(0)
})
