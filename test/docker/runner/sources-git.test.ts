import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SourceError } from '../../../src/errors.js'
import { ContainerSandbox } from '../../../src/index.js'
import { placeSource, type SourceContext } from '../../../src/runner/sources/index.js'
import { bundle, commit, git, makeRepository, serveRepositories } from '../../helpers/git-repositories.js'
import { rejection } from '../../helpers/sandboxes.js'

let sandbox: ContainerSandbox
let host: string
let scratch: string
beforeAll(async () => {
  // Its base has a git of its own, so that what is placed can be used as in a real build.
  const limits = { memoryBytes: '512MiB', scratchBytes: '64MiB' } as const
  const env = { PATH: '/usr/bin:/bin', HOME: '/tmp' }
  sandbox = await ContainerSandbox.create({ base: 'host', writable: ['/workspace'], limits, env })
})
afterAll(() => sandbox.kill())
beforeEach(async () => {
  host = mkdtempSync(join(tmpdir(), 'sources-git-'))
  scratch = join(host, 'scratch')
  mkdirSync(scratch)
  await sandbox.shell('chmod -R u+rwx /workspace; rm -rf /workspace/* /workspace/.??*')
})
// Whatever became of a source, no git of it is left. The one of a test is known by where it works.
afterEach(() => {
  expect(processes().filter(({ environment }) => environment.includes(scratch))).toEqual([])
  rmSync(host, { recursive: true, force: true })
})

const place = (source: Parameters<typeof placeSource>[1], options: Partial<SourceContext> = {}) =>
  placeSource(sandbox, source, {
    workspace: '/workspace',
    scratchDir: scratch,
    maxBytes: 50_000_000,
    maxEntries: 1_000,
    signal: AbortSignal.timeout(60_000),
    ...options,
  })

const inside = async (script: string): Promise<string> => {
  const { stdout, stderr } = await sandbox.shell(`cd /workspace; ${script}`)
  return stdout + stderr
}

/** Three commits, two tags and another branch. */
function story(): { path: string; url: string; first: string; last: string } {
  const path = makeRepository(join(host, 'story'))
  const first = commit(path, { 'a.txt': 'one\n', 'sub/deep/b': 'b\n' }, 'First')
  git(path, ['tag', '-a', 'v1.0', '-m', 'Version 1.0'])
  git(path, ['branch', 'old'])
  commit(path, { 'a.txt': 'two\n' }, 'Second')
  execFileSync('chmod', ['755', join(path, 'sub/deep/b')])
  symlinkSync('../../etc/passwd', join(path, 'sub/link'))
  const last = commit(path, { 'żółw 😀': 'x' }, 'Third')
  git(path, ['tag', 'light'])
  return { path, url: `file://${path}`, first, last }
}

describe('a repository', () => {
  it('comes as a clean checkout at depth 1, with its tags and no remote', async () => {
    const { url, last } = story()
    const placed = await place({ git: url, ref: null, depth: 1 })
    expect(placed.commit).toBe(last)
    expect(placed.entries).toBeGreaterThan(10)
    expect(
      await inside('git status --porcelain && git log --format=%s && git describe --tags && git rev-parse HEAD'),
    ).toBe(`Third\nlight\n${last}\n`)
    expect(await inside('cat a.txt; stat -c %a sub/deep/b; readlink sub/link; cat "żółw 😀"; stat -c %Y a.txt')).toBe(
      'two\n755\n../../etc/passwd\nx1500000000\n',
    )
    expect(
      await inside('git fsck; git remote; ls .git/hooks .git/info; git config --list --local | grep -v ^core'),
    ).toMatch(/^ls: cannot access '.git\/hooks'.*\nls: cannot access '.git\/info'.*\n$/)
    // A build may go on from there.
    const more = 'echo new > a.txt; git -c user.name=n -c user.email=e commit -qam New && git log --format=%s | head -1'
    expect(await inside(more)).toBe('New\n')
  })

  it.each(['v1.0', 'old', 'refs/heads/old', 'first', 'short'])('is had by %s', async (name) => {
    const { url, first } = story()
    const ref = name === 'first' ? first : name === 'short' ? first.slice(0, 10) : name
    expect(await place({ git: url, ref, depth: 1 })).toMatchObject({ commit: first })
    expect(await inside('cat a.txt; git describe; git status --porcelain')).toBe('one\nv1.0\n')
  })

  it('has as much history as was asked for', async () => {
    const { url } = story()
    await place({ git: url, ref: 'main', depth: 2 })
    expect(await inside('git log --format=%s')).toBe('Third\nSecond\n')
    await inside('rm -rf .git')
    await place({ git: url, ref: 'main', depth: null })
    expect(await inside('git log --format=%s; git describe')).toBe(
      'Third\nSecond\nFirst\nv1.0-2-g' + (await inside('git rev-parse --short HEAD')),
    )
  })

  it('without the revision, or without any, is an error that says so', async () => {
    const { url } = story()
    for (const ref of ['nowhere', 'deadbeef', 'f'.repeat(40), 'refs/heads/x'])
      expect(await rejection(place({ git: url, ref, depth: 1 }))).toMatchObject({
        details: { why: 'no such revision' },
      })
    const empty = makeRepository(join(host, 'empty'))
    for (const address of [`file://${empty}`, `file://${host}/missing`])
      expect(await rejection(place({ git: address, ref: null, depth: 1 }))).toBeInstanceOf(SourceError)
  })

  it('comes byte for byte, whatever its attributes say', async () => {
    const path = makeRepository(join(host, 'attributes'))
    const attributes = '* export-subst\nsecret export-ignore\n*.crlf text eol=crlf\n*.id ident\n*.evil filter=evil\n'
    const files = {
      '.gitattributes': attributes,
      secret: 's',
      'v.id': '$Id$ $Format:%H$',
      'f.crlf': 'a\nb\n',
      'x.evil': 'e',
    }
    commit(path, files)
    await place({ git: `file://${path}`, ref: null, depth: 1 })
    for (const [name, content] of Object.entries(files))
      expect(await sandbox.fs.readFile(`/workspace/${name}`, 'utf8')).toBe(content)
  })

  it('with a submodule has an empty folder for it', async () => {
    const path = makeRepository(join(host, 'super'))
    const first = commit(path, { file: 'x' })
    git(path, ['update-index', '--add', '--cacheinfo', `160000,${first},module`])
    git(path, ['commit', '-qm', 'Module'])
    await place({ git: `file://${path}`, ref: null, depth: 1 })
    expect(await inside('ls -A module | wc -l; git ls-files')).toBe('0\nfile\nmodule\n')
  })
})

describe('a bundle', () => {
  it('comes as a repository', async () => {
    const { path, first, last } = story()
    const file = bundle(path)
    expect(await place({ bundle: file, ref: null })).toMatchObject({ commit: last })
    expect(await inside('git status --porcelain; git log --format=%s')).toBe('Third\nSecond\nFirst\n')
    for (const ref of ['v1.0', 'old', first, first.slice(0, 8)]) {
      await inside('rm -rf .git')
      expect(await place({ bundle: file, ref })).toMatchObject({ commit: first })
    }
  })

  it('without HEAD needs a name when it has more than one branch', async () => {
    const { path, last, first } = story()
    expect(await place({ bundle: bundle(path, 'main'), ref: null })).toMatchObject({ commit: last })
    const two = bundle(path, 'main', 'old')
    const error = await rejection(place({ bundle: two, ref: null }))
    expect((error as Error).message).toContain("'refs/heads/old'")
    await inside('rm -rf .git')
    expect(await place({ bundle: two, ref: 'old' })).toMatchObject({ commit: first })
  })

  it('that is none, incomplete or damaged is an error of the source', async () => {
    const { path, first } = story()
    const damaged = bundle(path)
    const bytes = readFileSync(damaged)
    bytes.fill(0, bytes.length - 100)
    writeFileSync(damaged, bytes)
    expect(await rejection(place({ bundle: damaged, ref: null }))).toBeInstanceOf(SourceError)
    const incomplete = bundle(path, `${first}..main`)
    expect(await rejection(place({ bundle: incomplete, ref: 'main' }))).toBeInstanceOf(SourceError)
    for (const other of [path, join(path, 'a.txt'), join(host, 'missing')])
      expect(await rejection(place({ bundle: other, ref: null }))).toBeInstanceOf(SourceError)
  })
})

describe('a server', () => {
  const PASSWORD = 'pass-word/0?1'

  it('gets a password that nobody else sees', async () => {
    const { last } = story()
    const server = await serveRepositories(host, PASSWORD)
    try {
      const url = server.url.replace('//', `//someone:${encodeURIComponent(PASSWORD)}@`)
      const seen = new Set<string>()
      const watch = setInterval(() => processes().forEach(({ commandLine }) => seen.add(commandLine)), 5)
      const placed = await place({ git: `${url}/story`, ref: 'main', depth: 1 }).finally(() => clearInterval(watch))
      expect(placed.commit).toBe(last)
      const pair = Buffer.from(`someone:${PASSWORD}`).toString('base64')
      expect([...server.authorizations]).toEqual([`Basic ${pair}`])
      expect([...seen].filter((line) => line.includes('remote-http'))).not.toEqual([])
      for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), pair]) {
        expect([...seen].filter((line) => line.includes(secret))).toEqual([])
        expect(await inside(`grep -r -F -e '${secret}' .`)).toBe('')
      }

      const wrong = await rejection(place({ git: `${url.replace('0', '1')}/story`, ref: 'main', depth: 1 }))
      expect(wrong).toBeInstanceOf(SourceError)
      const text = `${(wrong as Error).message} ${JSON.stringify(wrong)} ${(wrong as Error).stack}`
      expect(text).toContain('***@127.0.0.1')
      expect(text).not.toMatch(/pass-word|someone|c29tZW9uZ/)
    } finally {
      await server.close()
    }
  })

  it('that redirects is not followed', async () => {
    story()
    const server = await serveRepositories(host)
    try {
      expect(await place({ git: `${server.url}/story`, ref: 'main', depth: 1 })).toMatchObject({
        entries: expect.any(Number) as number,
      })
      const error = await rejection(place({ git: `${server.url}/moved/story`, ref: 'main', depth: 1 }))
      expect(error).toMatchObject({ details: { why: 'redirected' } })
    } finally {
      await server.close()
    }
  })

  it("of git's own protocol works too", async () => {
    const { first } = story()
    const port = await freePort()
    const args = [
      'daemon',
      '--export-all',
      `--base-path=${host}`,
      '--listen=127.0.0.1',
      `--port=${port}`,
      '--reuseaddr',
      host,
    ]
    const daemon = spawn('git', args, { stdio: 'ignore', detached: true })
    try {
      for (let tries = 0; tries < 100 && !(await answers(port)); tries += 1) await delay(20)
      expect(await place({ git: `git://127.0.0.1:${port}/story`, ref: 'v1.0', depth: 1 })).toMatchObject({
        commit: first,
      })
    } finally {
      process.kill(-(daemon.pid ?? 0), 'SIGKILL')
      await once(daemon, 'close')
    }
  })

  it('that never answers is given up with the signal', async () => {
    const silent = createServer(() => undefined)
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const stop = new AbortController()
      const reason = new Error('too long')
      setTimeout(() => stop.abort(reason), 300)
      const url = `git://127.0.0.1:${(silent.address() as AddressInfo).port}/x`
      expect(await rejection(place({ git: url, ref: null, depth: 1 }, { signal: stop.signal }))).toBe(reason)
    } finally {
      silent.close()
    }
  })
})

describe('a hostile repository', () => {
  /** Every way in which the configuration of a user, or of a repository, makes git run something. */
  function traps(canary: string): string {
    const run = join(host, 'trap.sh')
    writeFileSync(run, `#!/bin/sh\necho "$0 $*" >> ${canary}\nexit 0\n`, { mode: 0o755 })
    const template = join(host, 'template/hooks')
    mkdirSync(template, { recursive: true })
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change'])
      symlinkSync(run, join(template, hook))
    return [
      `[filter "evil"]\n\tsmudge = ${run}\n\tclean = ${run}\n\tprocess = ${run}\n\trequired = true`,
      `[core]\n\tfsmonitor = ${run}\n\thooksPath = ${template}\n\tsshCommand = ${run}\n\tgitProxy = ${run}\n\taskPass = ${run}`,
      `[credential]\n\thelper = ${run}`,
      `[init]\n\ttemplateDir = ${join(host, 'template')}`,
      `[uploadpack]\n\tpackObjectsHook = ${run}`,
      `[url "ext::${run}"]\n\tinsteadOf = http://`,
      '',
    ].join('\n')
  }

  it("runs nothing of the host's or its own configuration, unlike a plain clone", async () => {
    const { path, url } = story()
    commit(path, { '.gitattributes': '* filter=evil\n' })
    const canary = join(host, 'canary')
    const home = join(host, 'home')
    mkdirSync(home)
    const config = traps(canary)
    writeFileSync(join(home, '.gitconfig'), config)
    writeFileSync(join(path, '.git/config'), config, { flag: 'a' })
    const before = process.env['HOME']
    process.env['HOME'] = home
    try {
      await place({ git: url, ref: null, depth: 1 })
      await place({ bundle: bundle(path), ref: null })
      rmSync(canary, { force: true })
      await inside('rm -rf .git')
      await place({ git: url, ref: null, depth: null })
      expect(existsSync(canary)).toBe(false)
      const env = { PATH: '/usr/bin:/bin', HOME: home }
      execFileSync('sh', ['-c', `git clone ${url} ${host}/clone || true`], { env, stdio: 'ignore' })
      expect(readFileSync(canary, 'utf8')).toContain('trap.sh')
    } finally {
      process.env['HOME'] = before
    }
  })
})

function processes(): { readonly commandLine: string; readonly environment: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ')
        return { commandLine: read('cmdline'), environment: read('environ') }
      } catch {
        return []
      }
    })
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1')
  const result = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return result
}
