import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ContainerSandbox,
  DockerDriver,
  EngineRequestError,
  EngineUnavailableError,
  HomeError,
  ImageError,
  InvalidOptionsError,
  UserError,
  type SandboxOptions,
} from '../../../src/index.js'
import { containersOf, engine, rejection, withSandbox } from '../../helpers/sandboxes.js'

type Refusal = abstract new (...args: never[]) => Error

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'options-'))
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

const users = () => ({ stateDir: join(work, 'state') })

/** Uids of anonymous sandboxes that are in use, by the state folder of this test. */
function leases(): string[] {
  const folder = join(work, 'state/leases')
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+$/.test(name)) : []
}

/** `start()` fails with that error, and neither a container nor a uid is left. */
async function expectRefused(options: SandboxOptions, type: Refusal, text?: RegExp): Promise<void> {
  const sandbox = new ContainerSandbox({ users: users(), ...options })
  const error = await rejection(sandbox.start())
  await sandbox.kill()
  expect(error).toBeInstanceOf(type)
  if (text !== undefined) expect((error as Error).message).toMatch(text)
  expect(sandbox.state).toBe('exited')
  expect(await containersOf(sandbox.id)).toEqual([])
  expect(leases()).toEqual([])
}

describe('what is wrong in itself is refused before anything is done', () => {
  const refused: [string, unknown][] = [
    ['an unknown option', { memory: '1GiB' }],
    ['an unknown limit', { limits: { memory: '1GiB' } }],
    ['a wrong unit', { limits: { memoryBytes: '1GB' } }],
    ['no memory', { limits: { memoryBytes: 0 } }],
    ['memory of -1, which an engine reads as unlimited', { limits: { memoryBytes: -1 } }],
    ['memory of NaN', { limits: { memoryBytes: NaN } }],
    ['memory without end', { limits: { memoryBytes: Infinity } }],
    ['no processes', { limits: { pids: 0 } }],
    ['processes of -1', { limits: { pids: -1 } }],
    ['no CPU', { limits: { cpuCount: 0 } }],
    ['a huge lifetime', { limits: { lifetimeMs: 1e12 } }],
    ...['a/b', '..', '.', 'a\nb', 'x'.repeat(300), 'żółw', '-rf', ''].map((name): [string, unknown] => [
      `the user name ${JSON.stringify(name).slice(0, 20)}`,
      { user: name },
    ]),
    ['root', { user: { name: 'root', uid: 0 } }],
    ['a relative mount', { mounts: [{ source: 'etc', target: '/x' }] }],
    ['a mount to a relative path', { mounts: [{ source: '/etc', target: 'x' }] }],
    ['a mount of the root', { mounts: [{ source: '/', target: '/x' }] }],
    ['a mount over the root', { mounts: [{ source: '/etc', target: '/' }] }],
    ['a mount over the supervisor', { mounts: [{ source: '/etc', target: '/.sandbox' }] }],
    [
      'two mounts at one place',
      {
        mounts: [
          { source: '/etc', target: '/x' },
          { source: '/usr', target: '/x/' },
        ],
      },
    ],
    ["the engine's socket", { mounts: [{ source: '/var/run/docker.sock', target: '/x' }] }],
    ["a folder with the engine's socket", { mounts: [{ source: '/var/run', target: '/x' }] }],
    ['the network of the host', { network: 'host' }],
    ['the network of another container', { network: 'container:abc' }],
    ['labels that pose as ours', { labels: { 'container-sandbox.managed': '1' } }],
    ['a variable with a NUL', { env: { A: 'b\0c' } }],
    ['scratch beyond the memory', { limits: { memoryBytes: '64MiB', scratchBytes: '1GiB' } }],
    ['a permission that is no module', { permissions: ['nothing'] }],
    ['nothing at all', null],
    ['a text', 'options'],
  ]

  it.each(refused)('%s', async (_name, options) => {
    const given = options !== null && typeof options === 'object' ? { users: users(), ...options } : options
    let sandbox: ContainerSandbox | undefined
    // Some can only be seen to be wrong together with the image: then it is `start()` that refuses.
    const start = async (): Promise<void> => {
      sandbox = new ContainerSandbox(given as SandboxOptions)
      await sandbox.start()
    }
    expect(await rejection(start())).toBeInstanceOf(InvalidOptionsError)
    expect(leases()).toEqual([])
    if (sandbox !== undefined) expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('a NUL in a command', async () => {
    await withSandbox({}, async (sandbox) => {
      expect(await rejection(sandbox.run('ec\0ho'))).toBeInstanceOf(InvalidOptionsError)
      expect(await rejection(sandbox.run('echo', ['a\0b']))).toBeInstanceOf(InvalidOptionsError)
      expect(await rejection(sandbox.shell('echo a\0b'))).toBeInstanceOf(InvalidOptionsError)
      expect(() => sandbox.spawn('echo', ['a\0b'])).toThrow(InvalidOptionsError)
      expect(await sandbox.run('echo', ['fine'])).toMatchObject({ exitCode: 0 })
    })
  })
})

describe('what turns out to be wrong leaves nothing behind', () => {
  it('a home that is missing, a file, or in a loop of links', async () => {
    writeFileSync(join(work, 'file'), '')
    symlinkSync(join(work, 'b'), join(work, 'a'))
    symlinkSync(join(work, 'a'), join(work, 'b'))
    for (const name of ['missing', 'file', 'a']) await expectRefused({ user: { home: join(work, name) } }, HomeError)
  })

  it.each<[string, (home: string) => unknown, RegExp]>([
    ['a device', (home) => execFileSync('mknod', [join(home, 'null'), 'c', '1', '3']), /character device/],
    ['a FIFO', (home) => execFileSync('mkfifo', [join(home, 'fifo')]), /fifo/],
    ['a folder of the supervisor', (home) => mkdirSync(join(home, '.sandbox/bin'), { recursive: true }), /supervisor/],
    ['a whiteout', (home) => writeFileSync(join(home, '.wh.etc'), ''), /\.wh\.etc/],
  ])('a home with %s', async (_name, make, text) => {
    const home = join(work, 'home')
    mkdirSync(home)
    make(home)
    await expectRefused({ user: { name: 'odd-home', home } }, HomeError, text)
  })

  it('a home with a socket', async () => {
    const home = join(work, 'home')
    mkdirSync(home)
    const server = createServer().listen(join(home, 'socket'))
    await once(server, 'listening')
    await expectRefused({ user: { home } }, HomeError, /socket/)
    server.close()
  })

  it('a base, a network, a runtime, a mount that do not exist', async () => {
    await expectRefused({ base: 'container-sandbox-test/nothing:here' }, ImageError)
    await expectRefused({ network: 'no-such-network' }, EngineRequestError, /no-such-network/)
    await expectRefused({ runtime: 'no-such-runtime' }, EngineRequestError, /no-such-runtime/)
    await expectRefused({ mounts: [{ source: join(work, 'missing'), target: '/x' }] }, InvalidOptionsError)
  })

  it("a link to the engine's socket as a mount", async () => {
    symlinkSync('/var/run/docker.sock', join(work, 'innocent'))
    await expectRefused({ mounts: [{ source: join(work, 'innocent'), target: '/x' }] }, InvalidOptionsError, /socket/)
    symlinkSync('/var', join(work, 'var'))
    await expectRefused({ mounts: [{ source: join(work, 'var/run'), target: '/x' }] }, InvalidOptionsError)
  })

  it('no engine at that address', async () => {
    const driver = new DockerDriver({ host: `unix://${join(work, 'no.sock')}` })
    await expectRefused({ driver }, EngineUnavailableError)
    await driver.close()
  })

  it('a program that is not there', async () => {
    await expectRefused({ program: join(work, 'missing.js') }, Error, /ENOENT/)
  })

  it('no uid that is free', async () => {
    const few = { ...users(), firstUid: 300_000, lastUid: 300_001, firstAnonymousUid: 300_001 }
    await withSandbox({ users: few }, async (only) => {
      expect(only.user?.uid).toBe(300_001)
      const second = new ContainerSandbox({ users: few })
      expect(await rejection(second.start())).toBeInstanceOf(UserError)
      expect(await containersOf(second.id)).toEqual([])
    })
    await withSandbox({ users: few }, (next) => Promise.resolve(expect(next.user?.uid).toBe(300_001)))
  })
})

describe('users', () => {
  it('two sandboxes of one name that start together have one uid, and both work', async () => {
    const options = { user: 'racing', users: users() }
    const [one, two] = await Promise.all([ContainerSandbox.create(options), ContainerSandbox.create(options)])
    try {
      expect(one.user).toEqual(two.user)
      expect(one.user).toMatchObject({ name: 'racing' })
      const outputs = await Promise.all([one.run('id', ['-u']), two.run('id', ['-u'])])
      expect(outputs.map(({ stdout }) => stdout)).toEqual(Array(2).fill(`${one.user?.uid}\n`))
    } finally {
      await Promise.all([one.kill(), two.kill()])
    }
    await withSandbox(options, (again) => Promise.resolve(expect(again.user).toEqual(one.user)))
  })

  it('two anonymous sandboxes have two uids, which are given back', async () => {
    const [one, two] = await Promise.all([
      ContainerSandbox.create({ users: users() }),
      ContainerSandbox.create({ users: users() }),
    ])
    expect(one.user?.uid).not.toBe(two.user?.uid)
    expect(leases().length).toBe(2)
    await Promise.all([one.kill(), two.kill()])
    await expect.poll(leases).toEqual([])
  })

  it('find their home at /, owned by them', async () => {
    const home = join(work, 'home')
    mkdirSync(join(home, 'project'), { recursive: true })
    writeFileSync(join(home, 'project/main.sh'), 'echo from home', { mode: 0o755 })
    writeFileSync(join(home, '.profile'), 'secret', { mode: 0o600 })
    symlinkSync('project/main.sh', join(home, 'link'))
    chownSync(join(home, 'project'), 12_345, 12_345)
    await withSandbox({ user: { name: 'home-owner', home }, users: users() }, async (sandbox) => {
      const uid = sandbox.user!.uid
      const { stdout } = await sandbox.shell(
        'echo $HOME $USER $LOGNAME; pwd; stat -c "%u %g %a %n" /project /project/main.sh /.profile; sh /link; cat /.profile',
      )
      expect(stdout).toBe(
        `/ home-owner home-owner\n/\n${uid} ${uid} 755 /project\n${uid} ${uid} 755 /project/main.sh\n${uid} ${uid} 600 /.profile\nfrom home\nsecret`,
      )
      // The root is read-only all the same.
      expect(await sandbox.shell('echo x > /project/new')).toMatchObject({ exitCode: 2 })
    })
    expect(readFileSync(join(home, '.profile'), 'utf8')).toBe('secret')
  })
})

describe('what a sandbox gets', () => {
  it('is no network', async () => {
    await withSandbox({}, async (sandbox) => {
      const { stdout } = await sandbox.shell(
        'cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /proc/net/route | wc -l',
      )
      expect(stdout.split(/\s+/).filter(Boolean)).toEqual(['lo', '1'])
      const connect = `require('net').connect({ host: '1.1.1.1', port: 80 }).on('error', (e) => console.log(e.code))`
      expect((await sandbox.run('node', ['-e', connect])).stdout).toBe('ENETUNREACH\n')
    })
  })

  it('is its environment, and nothing of the host`s', async () => {
    process.env['HOST_SECRET'] = 'must not be seen'
    try {
      await withSandbox(
        { env: { OWN: 'zażółć\n=x', EMPTY: '' }, user: 'env-user', users: users() },
        async (sandbox) => {
          const { stdout } = await sandbox.run('env', ['-0'], { env: { COMMAND: '1', OWN: 'over' } })
          const names = stdout
            .split('\0')
            .filter(Boolean)
            .map((line) => line.split('=')[0])
            .sort()
          expect(names).toEqual(['COMMAND', 'EMPTY', 'HOME', 'LOGNAME', 'OWN', 'PATH', 'SHELL', 'USER'])
          expect(stdout).toContain('OWN=over')
          expect((await sandbox.run('printenv', ['OWN'])).stdout).toBe('zażółć\n=x\n')
          const supervisors = await sandbox.shell('cat /proc/1/environ /proc/2/environ')
          expect(supervisors.exitCode).not.toBe(0)
          const inspected = await engine.getContainer(sandbox.containerId!).inspect()
          expect(JSON.stringify(inspected)).not.toContain('must not be seen')
          expect(JSON.stringify(inspected)).not.toContain('zażółć')
        },
      )
    } finally {
      delete process.env['HOST_SECRET']
    }
  })

  it('is labelled with what is ours and what is yours', async () => {
    await withSandbox({ labels: { 'com.example.job': '17' }, user: 'labelled', users: users() }, async (sandbox) => {
      const { Config } = await engine.getContainer(sandbox.containerId!).inspect()
      expect(Config.Labels).toMatchObject({
        'com.example.job': '17',
        'container-sandbox.managed': '1',
        'container-sandbox.role': 'sandbox',
        'container-sandbox.sandbox-id': sandbox.id,
        'container-sandbox.user': 'labelled',
      })
    })
  })

  it('gives a scratch path its own size', async () => {
    await withSandbox({ scratch: { '/work': '2MiB' } }, async (sandbox) => {
      const fill = (path: string) => sandbox.run('dd', ['if=/dev/zero', `of=${path}/fill`, 'bs=1M', 'count=4'])
      const full = await fill('/work')
      expect(full.exitCode).toBe(1)
      expect(full.stderr).toMatch(/No space left/)
      expect(await fill('/tmp')).toMatchObject({ exitCode: 0 })
    })
  })

  it('is a mount that is read-only unless it is asked for otherwise', async () => {
    const [readOnly, writable] = [join(work, 'ro'), join(work, 'rw')]
    for (const folder of [readOnly, writable]) mkdirSync(folder, { mode: 0o777 })
    writeFileSync(join(readOnly, 'file'), 'of the host')
    execFileSync('chmod', ['777', readOnly, writable])
    const mounts = [
      { source: readOnly, target: '/ro' },
      { source: writable, target: '/rw', writable: true },
    ]
    await withSandbox({ mounts }, async (sandbox) => {
      expect(await sandbox.fs.readFile('/ro/file', 'utf8')).toBe('of the host')
      expect(await rejection(sandbox.fs.writeFile('/ro/new', 'x'))).toMatchObject({ code: 'EROFS' })
      await sandbox.fs.writeFile('/rw/new', 'of the guest')
    })
    expect(readFileSync(join(writable, 'new'), 'utf8')).toBe('of the guest')
  })
})
