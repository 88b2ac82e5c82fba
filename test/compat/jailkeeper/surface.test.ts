/** What old code could see of a jail, and what came with the drop-in. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import DefaultExport, * as everything from '../../../src/compat/jailkeeper/index.js'
import { follow, give, OWNER, Place, runJailed } from './jail.js'

const { JailKeeper } = everything

let place: Place
let other: string
beforeAll(async () => {
  place = await Place.make()
  other = await mkdtemp(join(tmpdir(), 'jailkeeper-other-'))
  await mkdir(join(other, 'out'))
  await writeFile(join(other, 'in.txt'), 'in\n')
  await give(other)
})
afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await rm(other, { recursive: true })
})

test('the class is the default export, a named one, and what require gives', () => {
  expect(DefaultExport).toBe(JailKeeper)
  expect(everything['module.exports']).toBe(JailKeeper)
})

test('a jail as it is made: lists, streams, and nothing that runs', () => {
  const jail = new JailKeeper()
  expect(jail.options).toEqual({ read: [], write: [] })
  expect(jail.childProcess).toBeNull()
  expect([jail.pid, jail.stdin, jail.exitCode, jail.signalCode]).toEqual([undefined, null, null, null])
  expect(jail.kill()).toBe(false)
  expect(typeof jail.stdout.on).toBe('function')
})

describe('spawn', () => {
  test('returns the jail, which has a pid, is active, and refuses a second command by the old words', async () => {
    const jail = new JailKeeper()
    expect(jail.spawn('sleep', ['30'], { cwd: place.jail })).toBe(jail)
    expect(jail.childProcess).not.toBeNull()
    expect(() => jail.spawn('true')).toThrow(
      new Error(
        'This jailer still has an active child process. Please use a different jailer or wait until this one has finished.',
      ),
    )
    await once(jail, 'spawn')
    expect(jail.pid).toBeGreaterThan(1)
    expect(jail.options.cwd).toBe(place.jail)
    expect(jail.kill('SIGINT')).toBe(true)
    expect(await once(jail, 'exit')).toEqual([null, 'SIGINT'])
    expect([jail.childProcess, jail.exitCode, jail.signalCode]).toEqual([null, null, 'SIGINT'])
  })

  test('a listener of exit can start the next command, and listeners without parameters go on', async () => {
    const jail = new JailKeeper()
    const outputs: string[] = []
    jail.stdout.on('data', (chunk: Buffer) => outputs.push(chunk.toString()))
    jail.once('exit', () => jail.spawn('echo', ['two'], { cwd: place.jail }))
    jail.spawn('echo', ['one'], { cwd: place.jail })
    await once(jail, 'exit')
    await once(jail, 'exit')
    expect(outputs).toEqual(['one\n', 'two\n'])
    expect(jail.exitCode).toBe(0)
  })

  test('a kill before the command runs keeps it from running', async () => {
    const jail = new JailKeeper()
    const told = await follow(jail, () => {
      jail.spawn('touch', ['ran'], { cwd: place.jail })
      expect(jail.kill()).toBe(true)
    })
    expect(told).toMatchObject({ code: null, signal: 'SIGTERM', errors: [], order: ['end', 'exit'] })
    await expect(stat(join(place.jail, 'ran'))).rejects.toThrow(/ENOENT/)
  })

  test('stdout can be piped', async () => {
    const jail = new JailKeeper()
    const sink = new PassThrough()
    jail.stdout.pipe(sink)
    const chunks: Buffer[] = []
    sink.on('data', (chunk: Buffer) => chunks.push(chunk))
    jail.spawn('head', ['-c', '3000000', '/dev/zero'], { cwd: place.jail })
    await once(jail, 'exit')
    expect(Buffer.concat(chunks)).toHaveLength(3_000_000)
  })

  test('a whole line is no command, as before; with a shell it is', async () => {
    const line = await follow(new JailKeeper(), (jail) => jail.spawn('echo "hello world"', [], { cwd: place.jail }))
    expect(line.errors[0]).toMatchObject({ code: 'ENOENT' })
    expect(line.order.at(-1)).toBe('exit')
    const shell = await follow(new JailKeeper(), (jail) =>
      jail.spawn('echo "hello world"', { cwd: place.jail, shell: true }),
    )
    expect(shell).toMatchObject({ stdout: 'hello world\n', code: 0, jailbreaks: [] })
  })

  test('stderr is told apart, and a timeout ends the command', async () => {
    const options = { cwd: place.jail, timeout: 500 }
    const told = await runJailed({}, 'sh', ['-c', 'echo oops >&2; exec sleep 30'], options)
    expect(told).toMatchObject({ stdout: '', stderr: 'oops\n', code: null, signal: 'SIGTERM', jailbreaks: [] })
  })

  test('what is no path and no expression is refused at once', () => {
    expect(() => new JailKeeper({ read: [42 as unknown as string] }).spawn('true')).toThrow(TypeError)
  })
})

describe('grants', () => {
  test('a read entry that names a folder grants what is below it', async () => {
    const told = await runJailed({ read: [other] }, 'cat', [join(other, 'in.txt')], { cwd: place.jail })
    expect(told).toMatchObject({ stdout: 'in\n', code: 0, jailbreaks: [] })
  })

  test('a write entry reaches the host, and grants reading', async () => {
    const out = join(other, 'out')
    const script = `echo made > ${out}/file && cat ${out}/file`
    const told = await runJailed({ write: [out] }, 'sh', ['-c', script], { cwd: place.jail })
    expect(told).toMatchObject({ stdout: 'made\n', jailbreaks: [] })
    expect(await readFile(join(out, 'file'), 'utf8')).toBe('made\n')
    expect((await stat(join(out, 'file'))).uid).toBe(OWNER)
  })

  test('programs are found and run as they are', async () => {
    const script = 'gcc --version | head -1; git --version; node -p 42'
    const told = await runJailed({ write: ['/tmp'] }, 'sh', ['-c', script], { cwd: place.jail })
    expect(told).toMatchObject({ code: 0, jailbreaks: [] })
    expect(told.stdout).toMatch(/gcc[^]*git version[^]*42\n$/)
  })

  test('a read of what is nowhere is no jailbreak', async () => {
    const told = await runJailed({}, 'cat', ['/no/such/file'], { cwd: place.jail })
    expect(told).toMatchObject({ code: 1, jailbreaks: [] })
  })

  test('the socket of an engine is not granted, whatever the list says', async () => {
    const told = await runJailed({ write: ['/var/run/docker.sock'] }, 'true', [], { cwd: place.jail })
    expect(told.errors[0]?.message).toMatch(/Whoever can open an engine's socket is root/)
  })
})

test('a jail that only reports tells every jailbreak and kills nobody', async () => {
  const sandbox = { trace: { onViolation: 'report' as const } }
  const script = `cat /etc/passwd ${other}/in.txt; echo x > /usr/bin/evil; echo went on`
  const told = await runJailed({ sandbox }, 'sh', ['-c', script], { cwd: place.jail })
  expect(told).toMatchObject({ code: 0, signal: null })
  expect(told.stdout).toMatch(/went on\n$/)
  expect(told.jailbreaks.map(({ mode, file }) => `${mode} ${file}`).sort()).toEqual([
    'read /etc/passwd',
    `read ${other}/in.txt`,
    'write /usr/bin/evil',
  ])
})

describe('whom a command runs as', () => {
  test('the owner of the folder when this process is root, else the same user', async () => {
    const told = await runJailed({}, 'sh', ['-c', 'stat -c %u . && touch mine'], { cwd: place.jail })
    expect(told).toMatchObject({ stdout: `${OWNER}\n`, code: 0, jailbreaks: [] })
    expect((await stat(join(place.jail, 'mine'))).uid).toBe(OWNER)
  })

  test.runIf(process.getuid?.() === 0)(
    'nobody of the host in a folder of root, who reads and does not write',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'jailkeeper-root-'))
      try {
        await writeFile(join(folder, 'file'), 'text\n')
        const closed = await runJailed({}, 'cat', ['file'], { cwd: folder })
        expect(closed.errors[0]?.message).toMatch(/belongs to root, and only its owner and group may enter it/)
        await chmod(folder, 0o755)
        const open = await runJailed({}, 'sh', ['-c', 'cat file; touch mine'], { cwd: folder })
        expect(open).toMatchObject({ stdout: 'text\n', code: 1, jailbreaks: [] })
        expect(open.stderr).toMatch(/Permission denied/)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )
})

test('an old program runs with only its import line changed', async () => {
  const program = join(import.meta.dirname, '../../fixtures/compat/jailkeeper/old-program.cjs')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, place.jail], { timeout: 60_000 })
  expect(stderr).toBe('')
  expect(stdout).toBe('stdout: hello world\njailbreak: read /etc/passwd\nexit\n')
})
