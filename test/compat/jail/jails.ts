/** Jails for tests: of users of a file, watched, and always killed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, expect } from 'vitest'
import { jail, type JailedData, type JailOptions } from '../../../src/compat/jail/index.js'
import { FileDirectory, LoginGuard, type FileUser } from '../../../src/index.js'
import { LABELS } from '../../../src/policy/labels.js'
import { engine } from '../../helpers/sandboxes.js'

export const PASSWORD = 'correct horse'
export const methodsfile = fixture('methods.cjs')

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/jail/${name}`, import.meta.url))
}

/** What a callback was called with. */
export interface Call {
  readonly name: 'cb' | 'onsuccesslogin' | 'onfailedlogin' | 'onbeforekill' | 'onerror' | 'exit'
  readonly args: readonly unknown[]
  readonly self: unknown
}

/** A jail whose callbacks are written down in their order. */
export class WatchedJail {
  readonly calls: Call[] = []
  readonly jail: jail
  readonly label = `jail-${Math.random().toString(36).slice(2)}`

  constructor(args: { readonly username: string; readonly password: string }, options: JailOptions) {
    const { calls } = this
    const watch = (name: Call['name']) =>
      function (this: unknown, ...args: unknown[]): void {
        calls.push({ name, args, self: this })
      }
    const callbacks = Object.fromEntries(
      (['cb', 'onsuccesslogin', 'onfailedlogin', 'onbeforekill', 'onerror'] as const).map((name) => [
        name,
        watch(name),
      ]),
    )
    const sandbox = { labels: { 'jail-test': this.label }, ...options.sandbox }
    this.jail = new jail(args, { ...callbacks, ...options, sandbox })
    this.jail.child.on('exit', watch('exit'))
  }

  of(name: Call['name']): readonly Call[] {
    return this.calls.filter((call) => call.name === name)
  }

  /** The first argument of each call. */
  given(name: Call['name']): unknown[] {
    return this.of(name).map(({ args }) => args[0])
  }

  /** Waits until a callback was called so many times. */
  async saw(name: Call['name'], count = 1): Promise<void> {
    await expect.poll(() => this.given(name).length, { timeout: 30_000, interval: 10 }).toBeGreaterThanOrEqual(count)
  }

  /** The next message behind a call. */
  async ask(data: JailedData): Promise<unknown> {
    const before = this.given('cb').length
    this.jail.jailed(data)
    await this.saw('cb', before + 1)
    return this.given('cb')[before]
  }

  /** The containers that the engine has for this jail. */
  async containers(): Promise<number> {
    const filters = { label: [`${LABELS.managed}=1`, `jail-test=${this.label}`] }
    return (await engine.listContainers({ all: true, filters })).length
  }
}

/** A directory with the user alice, whose home holds `hello.txt` and `methods.cjs`; jails of it are killed after each test. */
export function useJails() {
  const folder = mkdtempSync(join(tmpdir(), 'jails-'))
  const [home, stateDir] = [join(folder, 'home'), join(folder, 'state')]
  const users = { stateDir }
  const directory = new FileDirectory({ users, scryptLogN: 14 })
  const guard = new LoginGuard({ minAnswerMs: 0, freeFailures: 1000 })
  const open: WatchedJail[] = []
  let alice: FileUser | undefined
  beforeAll(async () => {
    mkdirSync(home)
    mkdirSync(stateDir, { mode: 0o700 })
    writeFileSync(join(home, 'hello.txt'), 'from home', { mode: 0o600 })
    writeFileSync(
      join(home, 'later.js'),
      "exports.methods = { later: function (data) { process.send({ action: data.action, from: 'later' }) } }",
    )
    alice = await directory.add({ name: 'alice', home, password: PASSWORD })
    return () => rmSync(folder, { recursive: true, force: true })
  })
  afterEach(async () => {
    for (const watched of open.splice(0)) {
      watched.jail.child.kill()
      await expect.poll(() => watched.containers(), { timeout: 30_000 }).toBe(0)
    }
  })
  /** Begins a login, by default the right one with the usual methods file. */
  const start = (options: JailOptions = { methodsfile }, password = PASSWORD, username = 'alice'): WatchedJail => {
    const sandbox = { users, ...options.sandbox }
    const watched = new WatchedJail({ username, password }, { directory, guard, ...options, sandbox })
    open.push(watched)
    return watched
  }
  const logIn = async (options?: JailOptions): Promise<WatchedJail> => {
    const watched = start(options)
    await expect.poll(() => watched.calls.length, { timeout: 30_000, interval: 10 }).toBeGreaterThan(0)
    expect(watched.calls[0]).toMatchObject({ name: 'onsuccesslogin' })
    return watched
  }
  return { start, logIn, directory, guard, users, alice: () => alice as FileUser }
}
