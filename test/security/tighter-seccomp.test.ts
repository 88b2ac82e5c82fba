/**
 * Protection: a seccomp profile for one program. What the program does not use is refused, and the same calls work under the
 * package's own profile.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ContainerSandbox, type SandboxOptions } from '../../src/index.js'
import { targetSeccompProfile } from '../../src/policy/seccomp.js'
import { tightenSeccomp } from '../../src/policy/tighter-seccomp.js'
import { withSandbox } from '../helpers/sandboxes.js'

const TARGET = targetSeccompProfile(process.arch)
/** Of a shell that echoes and a program that answers, not one call needs more than the sandbox itself. */
const TIGHT = tightenSeccomp(TARGET, [], { files: false })

/** Prints `name errno` for calls that a tightened profile refuses, and then what came of the rest. */
const PROBE = `
const fs = require('node:fs'), net = require('node:net')
const attempt = (name, work) => { try { work(); console.log(name, 'OK') } catch (error) { console.log(name, error.code) } }
attempt('mkdir', () => fs.mkdirSync('/tmp/made'))
attempt('symlink', () => fs.symlinkSync('/etc', '/tmp/link'))
attempt('rename', () => { fs.writeFileSync('/tmp/a', ''); fs.renameSync('/tmp/a', '/tmp/b') })
attempt('chmod', () => { fs.writeFileSync('/tmp/c', ''); fs.chmodSync('/tmp/c', 0o600) })
attempt('write', () => fs.writeFileSync('/tmp/d', 'text'))
const server = net.createServer().once('error', (error) => console.log('socket', error.code))
server.listen('/tmp/socket', () => { console.log('socket OK'); server.close() })
`
const REFUSED = ['mkdir', 'symlink', 'rename', 'chmod', 'socket']

let folder: string
let program: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tighter-seccomp-'))
  program = join(folder, 'program.js')
  await writeFile(program, "rpc.expose('hello', (name) => 'hello ' + name)\n")
})
afterAll(() => rm(folder, { recursive: true }))

async function probe(options: SandboxOptions): Promise<Record<string, string>> {
  return withSandbox(options, async (sandbox) => {
    const { stdout, stderr } = await sandbox.run('node', ['-e', PROBE], { timeoutMs: 20_000 })
    expect(stderr).toBe('')
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    )
  })
}

test('under the tightest profile commands and programs work, and every thread has a filter', async () => {
  await withSandbox({ seccomp: TIGHT, program }, async (sandbox) => {
    expect((await sandbox.run('sh', ['-c', 'echo hi; cat'], { input: ' there' })).stdout).toBe('hi\n there')
    expect(await sandbox.rpc.call('hello', ['you'])).toBe('hello you')
    const { stdout } = await sandbox.run('node', [
      '-e',
      'setTimeout(() => console.log(require("os").cpus().length > 0), 5)',
    ])
    expect(stdout).toBe('true\n')
    await sandbox.fs.writeFile('/tmp/x', 'text')
    expect(String(await sandbox.fs.readFile('/tmp/x'))).toBe('text')
    expect((await sandbox.run('sleep', ['60'], { timeoutMs: 200 })).outcome).toBe('timeout')
    const { verified, kernel } = await sandbox.isolation()
    expect(verified).toBe(true)
    expect(new Set(kernel.threads.map(({ seccompMode }) => seccompMode))).toEqual(new Set([2]))
  })
})

describe('what a program does not use', () => {
  test('is refused, and works under the package’s own profile', async () => {
    const tight = await probe({ seccomp: TIGHT })
    const own = await probe({})
    expect(REFUSED.map((name) => [name, tight[name]])).toEqual(REFUSED.map((name) => [name, 'EPERM']))
    expect(REFUSED.map((name) => [name, own[name]])).toEqual(REFUSED.map((name) => [name, 'OK']))
    expect([tight['write'], own['write']]).toEqual(['OK', 'OK'])
  })

  test('is refused alone: what it uses of the same kind works', async () => {
    const used = tightenSeccomp(TARGET, ['mkdir', 'socket', 'bind', 'listen', 'setsockopt', 'unlink'], { files: false })
    const found = await probe({ seccomp: used })
    expect(found).toMatchObject({ mkdir: 'OK', socket: 'OK', symlink: 'EPERM', rename: 'EPERM' })
  })
})

test('with its files, sandbox.fs works whole', async () => {
  await withSandbox({ seccomp: tightenSeccomp(TARGET, []) }, async ({ fs }) => {
    await fs.mkdir('/tmp/a/b', { recursive: true })
    await writeFile(join(folder, 'up'), 'up')
    await fs.upload(folder, '/tmp/a/b')
    expect((await fs.readdir('/tmp/a/b')).map(({ name }) => name).sort()).toEqual(['program.js', 'up'])
    const target = await mkdtemp(join(tmpdir(), 'tighter-seccomp-down-'))
    await fs.download('/tmp/a', join(target, 'a'))
    await rm(target, { recursive: true })
    await fs.rm('/tmp/a', { recursive: true })
    expect(await fs.readdir('/tmp')).toEqual([])
  })
})

test('a looser profile makes no sandbox', async () => {
  const looser = { ...TARGET, syscalls: [...TARGET.syscalls, { names: ['bpf'], action: 'SCMP_ACT_ALLOW' }] }
  await expect(ContainerSandbox.create({ seccomp: looser })).rejects.toMatchObject({ details: { call: 'bpf' } })
})
