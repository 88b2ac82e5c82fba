/** A jail for tests: folders and scripts of the old package's own tests, owned by somebody who is not root. */
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  JailKeeper,
  type Jailbreak,
  type JailKeeperOptions,
  type JailSpawnOptions,
} from '../../../src/compat/jailkeeper/index.js'

const SCRIPTS: Readonly<Record<string, string>> = {
  echoHello: '#!/bin/sh\necho "hello world"\n',
  echoHelloRedir: '#!/bin/sh\necho "hello world" > tmp.dat\n',
  readRedirFile: '#!/bin/bash\ncat tmp.dat\n',
  catTestJs: '#!/bin/sh\ncat ../test.js\n',
  catPackage: '#!/bin/sh\ncat ../../package.json\n',
  readPasswd: '#!/bin/sh\ncat /etc/passwd\n',
  parentDirWrite: '#!/bin/sh\necho "hello" > ../parentDirWrite.txt\n',
  binWrite: '#!/bin/sh\necho "hello" > /bin/bashOrSomethingLikeIt\n',
  backgroundWrite: '#!/bin/sh\n(sleep 0.1; echo "hello" > /bin/bashOrSomethingLikeIt) &\nwait\n',
}

/** Whom the files belong to when the tests run as root. */
export const OWNER = process.getuid?.() === 0 ? 54_321 : (process.getuid?.() ?? 0)

/** `package.json`, `test/test.js` and `test/jail` with the scripts, in a folder of its own. */
export class Place implements AsyncDisposable {
  readonly root: string
  readonly jail: string

  private constructor(root: string) {
    this.root = root
    this.jail = join(root, 'test', 'jail')
  }

  static async make(): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), 'jailkeeper-')))
    await mkdir(place.jail, { recursive: true })
    await writeFile(join(place.root, 'package.json'), '{}\n')
    await writeFile(join(place.root, 'test', 'test.js'), '// outside of the jail\n')
    for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(place.jail, name), text, { mode: 0o755 })
    await give(place.root)
    return place
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true })
  }
}

/** Gives a folder and all in it to {@link OWNER}. */
export async function give(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, OWNER, OWNER)
  const facts = await lstat(path)
  if (!facts.isDirectory()) return
  await chmod(path, 0o755)
  for (const name of await readdir(path))
    if (!(await lstat(join(path, name))).isSymbolicLink()) await give(join(path, name))
}

/** How a command in a jail ended, and what was told of it. */
export interface Told {
  readonly jail: JailKeeper
  readonly jailbreaks: readonly Jailbreak[]
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: readonly Error[]
  /** The events by name, in their order; `data` and `jailbreak` once however often they came. */
  readonly order: readonly string[]
}

/** Runs one command in a new jail to its end. */
export async function runJailed(
  options: JailKeeperOptions,
  command: string,
  args: readonly string[],
  spawnOptions: JailSpawnOptions,
): Promise<Told> {
  return follow(new JailKeeper(options), (jail) => jail.spawn(command, args, spawnOptions))
}

/** Starts something in a jail and collects what is told until it exits. */
export async function follow(jail: JailKeeper, start: (jail: JailKeeper) => unknown): Promise<Told> {
  const jailbreaks: Jailbreak[] = []
  const errors: Error[] = []
  const order = new Set<string>()
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  jail.on('jailbreak', (jailbreak) => {
    order.add('jailbreak')
    jailbreaks.push(jailbreak)
  })
  jail.on('error', (error) => {
    order.add('error')
    errors.push(error)
  })
  for (const name of ['stdout', 'stderr'] as const) {
    jail[name].on('data', (chunk: Buffer) => {
      order.add('data')
      chunks[name].push(chunk)
    })
    jail[name].on('end', () => order.add('end'))
  }
  const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    jail.once('exit', (code, signal) => resolve([code, signal]))
  })
  start(jail)
  const [code, signal] = await exited
  order.add('exit')
  const text = (name: 'stdout' | 'stderr') => Buffer.concat(chunks[name]).toString()
  return { jail, jailbreaks, stdout: text('stdout'), stderr: text('stderr'), code, signal, errors, order: [...order] }
}
