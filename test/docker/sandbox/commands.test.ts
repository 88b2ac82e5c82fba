import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CommandFailedError,
  ContainerSandbox,
  InvalidOptionsError,
  SpawnError,
  type CommandOptions,
} from '../../../src/index.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

let sandbox: ContainerSandbox
beforeAll(async () => {
  sandbox = await ContainerSandbox.create({
    writable: ['/work'],
    env: { FROM_SANDBOX: 'yes' },
    limits: { memoryBytes: '256MiB', pids: 64, scratchBytes: '16MiB', openFiles: 200 },
    // A command that fills the memory takes the supervisor's pages too, and the kernel may take long before it kills.
    timeouts: { lockupMs: 100_000 },
  })
})
afterAll(() => sandbox.kill())

const sh = (script: string, options: CommandOptions = {}) => sandbox.shell(script, options)

describe('how a command ends', () => {
  it.each<[string, string, CommandOptions, object]>([
    ['success', 'exit 0', {}, { outcome: 'exited', exitCode: 0, signal: null }],
    ['an exit code', 'exit 42', {}, { outcome: 'exited', exitCode: 42 }],
    ['the largest exit code', 'exit 255', {}, { outcome: 'exited', exitCode: 255 }],
    ['a signal of its own', 'kill -SEGV $$', {}, { outcome: 'signaled', exitCode: null, signal: 'SIGSEGV' }],
    ['a fatal kill of its own', 'kill -KILL $$', {}, { outcome: 'signaled', signal: 'SIGKILL' }],
    ['the deadline', 'sleep 100', { timeoutMs: 200 }, { outcome: 'timeout', exitCode: null }],
    [
      'the deadline of one that ignores signals',
      'trap "" TERM INT HUP; while :; do sleep 1; done',
      { timeoutMs: 200 },
      { outcome: 'timeout' },
    ],
    ['the CPU limit', 'while :; do :; done', { cpuTimeMs: 200 }, { outcome: 'cpuTime' }],
    [
      'the CPU limit over several processes',
      'for i in 1 2 3 4; do (while :; do :; done) & done; wait',
      { cpuTimeMs: 400 },
      { outcome: 'cpuTime' },
    ],
    [
      'memory',
      'exec node -e "const a=[];for(;;)a.push(Buffer.alloc(1<<24,1))"',
      {},
      { outcome: 'oom', signal: 'SIGKILL' },
    ],
    [
      'memory of a child',
      'node -e "const a=[];for(;;)a.push(Buffer.alloc(1<<24,1))"; exit 3',
      {},
      { outcome: 'oom', exitCode: 3 },
    ],
    [
      'too much output',
      'head -c 100000 /dev/zero',
      { outputBytes: 1_000 },
      { outcome: 'outputLimit', exitCode: 0, stdoutTruncated: true },
    ],
    ['too many processes', 'i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; exit 9', {}, { exitCode: 2 }],
    ['not found', 'nonexistent-command', {}, { outcome: 'exited', exitCode: 127 }],
  ])('%s', async (_name, script, options, expected) => {
    expect(await sh(script, options)).toMatchObject(expected)
  })

  it.each<[string, string, number]>([
    ['a name that is nowhere', 'nonexistent-command', 127],
    ['a path that is not there', '/nonexistent/command', 127],
    ['a file that is not executable', '/etc/passwd', 126],
    ['a folder', '/etc', 126],
  ])('as docker run for %s', async (_name, file, exitCode) => {
    const result = await sandbox.run(file)
    expect(result).toMatchObject({ outcome: 'exited', exitCode })
    expect(result.stderr).toContain(file)
  })

  it('is canceled by its signal, also when that was aborted before', async () => {
    expect(await sh('sleep 100', { signal: AbortSignal.timeout(100) })).toMatchObject({ outcome: 'canceled' })
    expect(await sh('sleep 100', { signal: AbortSignal.abort() })).toMatchObject({ outcome: 'canceled' })
  })

  it('rejects with check, and the error carries the whole result', async () => {
    const error = await rejection(sh('echo out; echo err >&2; exit 3', { check: true }))
    expect(error).toBeInstanceOf(CommandFailedError)
    expect(error).toMatchObject({
      code: 'ERR_COMMAND_FAILED',
      result: { exitCode: 3, stdout: 'out\n', stderr: 'err\n' },
    })
    expect(await sh('true', { check: true })).toMatchObject({ exitCode: 0 })
  })
})

describe('leftovers', () => {
  it.each([
    ['a background process', 'sleep 100 & exit 0', 1],
    ['one with its own session', 'setsid sleep 100 & exit 0', 1],
    ['a double fork', '(setsid sh -c "sleep 100 & sleep 100 &" &) ; sleep 0.2; exit 0', 2],
    ['one that ignores signals', '(trap "" TERM HUP; exec sleep 100) & sleep 0.1; exit 0', 1],
    ['none', 'sleep 0.01 & wait', 0],
  ])('%s', async (_name, script, leftovers) => {
    expect((await sh(script)).usage.leftovers).toBe(leftovers)
    const alive = await sh(
      'for p in /proc/[0-9]*; do read -r line < $p/comm 2>/dev/null && [ "$line" = sleep ] && echo alive; done; true',
    )
    expect(alive.stdout).toBe('')
  })

  it('takes the tree at a deadline, and leaves other commands alone', async () => {
    const other = sandbox.run('sleep', ['1'])
    const result = await sh('setsid sh -c "setsid sleep 50 & setsid sleep 50" & sleep 50', { timeoutMs: 300 })
    expect(result.outcome).toBe('timeout')
    expect(await other).toMatchObject({ outcome: 'exited', exitCode: 0 })
  })
})

describe('input, output and environment', () => {
  it('feeds strings, bytes and streams, and an end when there is nothing', async () => {
    expect((await sandbox.run('cat', [], { input: 'text é\n' })).stdout).toBe('text é\n')
    expect((await sandbox.run('cat', [], { input: new Uint8Array([0, 255, 10]), encoding: 'buffer' })).stdout).toEqual(
      Buffer.from([0, 255, 10]),
    )
    expect(
      (await sandbox.run('wc', ['-c'], { input: Readable.from([Buffer.alloc(1e6), Buffer.alloc(2e6)]) })).stdout.trim(),
    ).toBe('3000000')
    expect((await sandbox.run('cat')).stdout).toBe('')
  })

  it.each([
    [
      'fails',
      (error: Error) =>
        new Readable({
          read() {
            this.push('half\n')
            this.destroy(error)
          },
        }),
    ],
    [
      'failed before',
      (error: Error) => new Readable({ read: () => undefined }).on('error', () => undefined).destroy(error),
    ],
    [
      'of another kind fails',
      (error: Error) =>
        (async function* () {
          yield 'half\n'
          await Promise.reject(error)
        })(),
    ],
  ])(
    'an input that %s fails the call, and the command that was given half of it does not go on',
    async (_name, inputOf) => {
      const error = new Error('the disk is gone')
      const script = 'cat; touch /tmp/went-on; sleep 1000'
      expect(await rejection(sandbox.run('sh', ['-c', script], { input: inputOf(error) }))).toBe(error)
      expect(sandbox.running).toEqual([])
      expect((await sandbox.fs.readdir('/tmp')).map(({ name }) => name)).not.toContain('went-on')
    },
  )

  it('an input that is closed before its end fails the call too', async () => {
    const input = new Readable({ read: () => undefined })
    setTimeout(() => input.destroy(), 50)
    expect(await rejection(sandbox.run('cat', [], { input }))).toMatchObject({ message: /closed before its end/ })
  })

  it('an input that somebody has read already is empty', async () => {
    const input = Readable.from(['read'])
    await input.toArray()
    expect(await sandbox.run('cat', [], { input })).toMatchObject({ exitCode: 0, stdout: '' })
  })

  it('an input that ends with the signal of the call leaves it canceled', async () => {
    const stop = new AbortController()
    const input = new Readable({ read: () => undefined, signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    expect(await sandbox.run('cat', [], { input, signal: stop.signal })).toMatchObject({ outcome: 'canceled' })
  })

  it('an input that never ends does not outlive its command', async () => {
    const input = new Readable({ read: () => undefined })
    expect(await sandbox.run('true', [], { input })).toMatchObject({ outcome: 'exited', exitCode: 0 })
    expect(input.destroyed).toBe(true)
  })

  it('goes on when the command does not read its input', async () => {
    expect(await sandbox.run('true', [], { input: Buffer.alloc(8e6) })).toMatchObject({
      outcome: 'exited',
      exitCode: 0,
    })
  })

  it('keeps the beginning of each stream and drains the rest', async () => {
    const result = await sh('yes first | head -c 5000000; yes second | head -c 5000000 >&2', { outputBytes: 12 })
    expect(result).toMatchObject({
      stdout: 'first\nfirst\n',
      stderr: 'second\nsecon',
      stdoutTruncated: true,
      stderrTruncated: true,
      exitCode: 0,
    })
  })

  it('takes exactly the limit without calling it too much', async () => {
    expect(await sh('head -c 1000 /dev/zero', { outputBytes: 1_000 })).toMatchObject({
      outcome: 'exited',
      stdoutTruncated: false,
    })
  })

  it('gives commands real pipes: they can be opened by name', async () => {
    expect(await sh('echo one >/dev/stdout; echo two >/dev/stderr; cat /dev/stdin', { input: 'three' })).toMatchObject({
      stdout: 'one\nthree',
      stderr: 'two\n',
    })
  })

  it('has nothing of the host in its environment', async () => {
    process.env['HOST_SECRET'] = 'must not travel'
    const { stdout } = await sandbox.run('env', [], { env: { FROM_RUN: 'also' } })
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort()
    expect(names).toEqual(['FROM_RUN', 'FROM_SANDBOX', 'HOME', 'LOGNAME', 'PATH', 'SHELL', 'USER'])
    expect(stdout).toContain('HOME=/\n')
    const all = await sh('cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"')
    expect(all.stdout).not.toContain('HOST_SECRET')
    expect(all.stdout).not.toContain('NODE_EXTRA_CA_CERTS')
  })

  it('starts where it is told', async () => {
    expect((await sandbox.run('pwd', [], { cwd: '/work' })).stdout).toBe('/work\n')
    expect(await sandbox.run('pwd', [], { cwd: '/nonexistent' })).toMatchObject({ exitCode: 127 })
  })

  it('takes arguments as they are', async () => {
    const args = ['', 'a b', '"', "'", '$HOME', '*', 'é', '\n', '-n', '\\']
    expect((await sandbox.run('printf', ['%s|', ...args])).stdout).toBe(args.map((argument) => `${argument}|`).join(''))
  })

  it.each<[string, () => unknown]>([
    ['a NUL in an argument', () => sandbox.run('echo', ['a\0b'])],
    ['a NUL in the file', () => sandbox.run('ec\0ho')],
    ['an empty file', () => sandbox.run('')],
    ['a relative cwd', () => sandbox.run('pwd', [], { cwd: 'work' })],
    ['an unknown option', () => sandbox.run('pwd', [], { timeout: 3 } as CommandOptions)],
    ['a negative deadline', () => sandbox.run('pwd', [], { timeoutMs: -1 })],
    ['an endless deadline', () => sandbox.run('pwd', [], { timeoutMs: Infinity })],
    ['a variable with =', () => sandbox.run('pwd', [], { env: { 'A=B': 'x' } })],
  ])('refuses %s', async (_name, call) => {
    expect(await rejection(Promise.resolve().then(call))).toBeInstanceOf(InvalidOptionsError)
  })
})

describe('limits in force', () => {
  it('bounds open files, scratch and the root', async () => {
    expect((await sh('ulimit -n; ulimit -c')).stdout).toBe('200\n0\n')
    expect(await sh('head -c 20000000 /dev/zero > /work/big')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('No space left') as string,
    })
    await sandbox.fs.rm('/work/big')
    expect(await sh('echo x > /file')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Read-only') as string,
    })
  })

  it('measures processor time and memory of the whole tree', async () => {
    const busy = await sh('node -e "while(process.cpuUsage().user<300000);" & wait')
    expect(busy.usage.cpuMs).toBeGreaterThan(250)
    const large = await sandbox.run('node', ['-e', 'Buffer.alloc(100e6, 1)'])
    expect(large.usage.maxRssBytes).toBeGreaterThan(100e6)
    expect(large.usage.maxRssBytes).toBeLessThan(250e6)
    const small = await sandbox.run('true')
    expect(small.usage.maxRssBytes).toBeLessThan(20e6)
    expect(small.durationMs).toBeGreaterThan(0)
  })

  it('survives a fork bomb', async () => {
    const result = await sh('bomb() { bomb | bomb & }; bomb; sleep 100', { timeoutMs: 1_500 })
    expect(result.outcome).toMatch(/timeout|exited/)
    expect(await sandbox.run('echo', ['still here'])).toMatchObject({ stdout: 'still here\n' })
  })
})

describe('spawn', () => {
  it('emits spawn, exit and close in the order of child_process', async () => {
    const child = sandbox.spawn('/bin/sh', ['-c', 'read -r x; echo "got $x"; exit 4'])
    const events: string[] = []
    for (const name of ['spawn', 'exit', 'close'] as const)
      child.on(name, (...values: unknown[]) => events.push([name, ...values].join(' ')))
    expect(child.pid).toBeUndefined()
    child.stdin!.end('it\n')
    const output = Buffer.concat(await child.stdout!.toArray()).toString()
    await new Promise((resolve) =>
      events.some((event) => event.startsWith('close')) ? resolve(null) : child.once('close', resolve),
    )
    expect(output).toBe('got it\n')
    expect(events).toEqual(['spawn', 'exit 4 ', 'close 4 '])
    expect(child).toMatchObject({ exitCode: 4, signalCode: null, pid: expect.any(Number) as number })
  })

  it('reports a command that is not there as an error with ENOENT', async () => {
    const child = sandbox.spawn('nonexistent-command', ['a'])
    const error = await new Promise<unknown>((resolve) => child.once('error', resolve))
    expect(error).toBeInstanceOf(SpawnError)
    expect(error).toMatchObject({
      code: 'ENOENT',
      path: 'nonexistent-command',
      syscall: 'spawn nonexistent-command',
      spawnargs: ['a'],
    })
    expect(child.pid).toBeUndefined()
  })

  it('sends signals', async () => {
    const child = sandbox.spawn('/bin/sh', ['-c', 'trap "echo usr1" USR1; echo up; while :; do sleep 0.02; done'])
    let output = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output === 'up\n') child.kill('SIGUSR1')
      if (output === 'up\nusr1\n') child.kill()
    })
    const exit = await new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
    expect(exit).toEqual([null, 'SIGTERM'])
    expect(output).toBe('up\nusr1\n')
    expect(child.killed).toBe(true)
    expect(child.kill()).toBe(false)
    expect(() => child.kill('SIGNOPE' as NodeJS.Signals)).toThrow(TypeError)
  })

  it('reaches a command also when as many calls wait as may', async () => {
    const child = sandbox.spawn('sleep', ['100'])
    await new Promise<void>((resolve) => child.once('spawn', () => resolve()))
    const pings = Promise.allSettled(Array.from({ length: 2_000 }, () => sandbox.ping()))
    expect(child.kill('SIGKILL')).toBe(true)
    expect(await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))).toBe('SIGKILL')
    expect((await pings).some(({ status }) => status === 'rejected')).toBe(true)
  })

  it('holds a command back that nobody reads, and answers meanwhile', async () => {
    const child = sandbox.spawn('head', ['-c', '200000000', '/dev/zero'])
    await new Promise<void>((resolve) => child.once('spawn', resolve))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(child.exitCode).toBeNull()
    // The shortest of some: what else the machine does can only make one longer.
    const latenciesMs = [await sandbox.ping(), await sandbox.ping(), await sandbox.ping()]
    expect(Math.min(...latenciesMs)).toBeLessThan(500)
    let seen = 0
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) seen += chunk.length
    expect(seen).toBe(200_000_000)
  })

  it('closes although nobody reads what is left', async () => {
    const child = sandbox.spawn('echo', ['unread'])
    await new Promise((resolve) => child.once('close', resolve))
    expect(child.exitCode).toBe(0)
  })

  it('lets a reader leave early', async () => {
    const child = sandbox.spawn('yes')
    for await (const _chunk of child.stdout!) break
    const signal = await new Promise((resolve) => child.once('exit', (_code, name) => resolve(name)))
    expect(signal).toBe('SIGPIPE')
  })

  it('runs many at once', async () => {
    // Each takes three processes for a moment: supervisor, broker, command.
    await withSandbox({ limits: { pids: 256 } }, async (wide) => {
      const texts = Array.from({ length: 50 }, (_, index) => String(index))
      const results = await Promise.all(texts.map((text) => wide.run('echo', [text])))
      expect(results.map(({ stdout }) => stdout.trim())).toEqual(texts)
    })
  })
})

it('blames memory on the sandbox that used it up, when even the supervisor had to go', async () => {
  await withSandbox({ limits: { memoryBytes: '96MiB', scratchBytes: '16MiB' } }, async (small) => {
    const result = await small.run('node', ['-e', 'const a=[];for(;;)a.push(Buffer.alloc(1<<22,1))'])
    expect(result.outcome).toBe('oom')
  })
})
