/** A hundred users, two at a time: whatever one sandbox holds is looked for in all that another one can read. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ContainerSandbox, FileDirectory, LoginGuard } from '../../../src/index.js'
import { engine } from '../../helpers/sandboxes.js'

const COUNT = 100
const program = fileURLToPath(new URL('../../fixtures/users/note-keeper.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hundred-users-'))
chmodSync(folder, 0o755)
const stateDir = join(folder, 'state')
mkdirSync(stateDir, { mode: 0o700 })
/** Numbers that stand for nothing else: a uid in a text is a uid. */
const users = { stateDir, firstUid: 1_234_567_000, lastUid: 1_234_567_999 }
const directory = new FileDirectory({ users, scryptLogN: 14 })
const guard = new LoginGuard({ minAnswerMs: 0 })

/** One user, and a secret for every way by which something could get from one sandbox to another. */
interface Person {
  readonly name: string
  readonly uid: number
  readonly secrets: Readonly<Record<'password' | 'home' | 'env' | 'label' | 'argument' | 'scratch' | 'told', string>>
}

/** All that was found out about one sandbox. */
interface Findings {
  readonly person: Person
  readonly user: ContainerSandbox['user']
  /** What it can read, and what its commands print. */
  readonly seen: string
  /** The container as the engine shows it. */
  readonly container: string
  readonly toldToHost: readonly unknown[]
  readonly toldToGuest: unknown
}

const images = new Set<string>()
const people: Person[] = []
const findings: Findings[] = []

async function addPerson(index: number): Promise<Person> {
  const secret = () => randomBytes(12).toString('hex')
  const secrets = {
    password: secret(),
    home: secret(),
    env: secret(),
    label: secret(),
    argument: secret(),
    scratch: secret(),
    told: secret(),
  }
  const name = `user-${index}`
  const home = join(folder, name)
  mkdirSync(home)
  writeFileSync(join(home, 'secret.txt'), secrets.home, { mode: 0o600 })
  const { uid } = await directory.add({ name, home, password: secrets.password })
  return { name, uid, secrets }
}

async function startSandbox({ name, secrets }: Person, toldToHost: unknown[]): Promise<ContainerSandbox> {
  const sandbox = await ContainerSandbox.login({
    username: name,
    password: secrets.password,
    directory,
    guard,
    users,
    program,
    permissions: ['fs'],
    env: { SECRET: secrets.env },
    labels: { secret: secrets.label },
    timeouts: { killGraceMs: 0 },
  })
  sandbox.rpc.expose('note', (text: unknown) => void toldToHost.push(text))
  return sandbox
}

/** Both leave their secrets before either of them looks. */
async function meet(pair: readonly Person[]): Promise<void> {
  const notes = pair.map((): unknown[] => [])
  const started = await Promise.allSettled(pair.map((person, index) => startSandbox(person, notes[index] ?? [])))
  const sandboxes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason
    await Promise.all(sandboxes.map((sandbox, index) => leave(sandbox, pair[index] as Person)))
    const found = await Promise.all(
      sandboxes.map((sandbox, index) => look(sandbox, pair[index] as Person, notes[index] ?? [])),
    )
    findings.push(...found)
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.kill()))
  }
}

async function leave(sandbox: ContainerSandbox, { secrets }: Person): Promise<void> {
  const { argument, scratch, told } = secrets
  await sandbox.rpc.call('exchange', [told])
  // Its arguments are there to be read until the sandbox ends.
  const running = sandbox.spawn('sh', ['-c', 'echo up; sleep 60; :', argument])
  await once(running.stdout as Readable, 'data')
  expect(await sandbox.shell(`echo ${scratch} | tee /tmp/mine >/dev/shm/mine`)).toMatchObject({ exitCode: 0 })
}

async function look(sandbox: ContainerSandbox, person: Person, toldToHost: readonly unknown[]): Promise<Findings> {
  const { stdout } = await sandbox.shell('id; env; hostname; ls -lna / /tmp /dev/shm')
  const container = await engine.getContainer(sandbox.containerId ?? '').inspect()
  images.add(container.Image)
  return {
    person,
    user: sandbox.user,
    seen: stdout + (await sandbox.rpc.call<string>('find')),
    container: JSON.stringify(container),
    toldToHost,
    toldToGuest: await sandbox.rpc.call('told'),
  }
}

beforeAll(async () => {
  people.push(...(await Promise.all(Array.from({ length: COUNT }, (_, index) => addPerson(index)))))
  for (let index = 0; index < COUNT; index += 2) await meet(people.slice(index, index + 2))
}, 600_000)

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await Promise.all([...images].map((image) => engine.getImage(image).remove({ force: true })))
}, 120_000)

test('each of the hundred had a sandbox with an own uid, file and label, and was told an own message', () => {
  expect(findings.length).toBe(COUNT)
  expect(new Set(findings.map(({ user }) => user?.uid)).size).toBe(COUNT)
  for (const { person, user, seen, container, toldToHost, toldToGuest } of findings) {
    const { name, uid, secrets } = person
    expect(user).toEqual({ name, uid, gid: uid })
    expect(toldToHost).toEqual([secrets.home])
    expect(toldToGuest).toEqual([secrets.told])
    // What is looked for below can be found where it belongs.
    for (const kind of ['home', 'env', 'argument', 'scratch'] as const) expect(seen).toContain(secrets[kind])
    expect(seen).toContain(String(uid))
    for (const text of [secrets.label, name, String(uid)]) expect(container).toContain(text)
  }
})

test('no uid, name or secret of one appears in another, nor any password', () => {
  const owners = new Map(
    people.flatMap((person) =>
      [String(person.uid), person.name, ...Object.values(person.secrets)].map((text) => [text, person] as const),
    ),
  )
  const patterns = /\b(?:1234567\d{3}|user-\d+|[0-9a-f]{24})\b/g
  const foreign = findings.flatMap(({ person, seen, container, toldToHost, toldToGuest }) =>
    [seen, container, JSON.stringify([toldToHost, toldToGuest])].flatMap((text) =>
      (text.match(patterns) ?? [])
        .filter((word) => (owners.get(word) ?? person) !== person)
        .map((word) => `${person.name} has ${word} of ${owners.get(word)?.name}`),
    ),
  )
  expect(foreign).toEqual([])
  for (const { person, seen, container } of findings) expect(seen + container).not.toContain(person.secrets.password)
})
