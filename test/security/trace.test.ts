/**
 * What a traced guest does to get away from its tracer, to end it, to forge its words or to drown them. Each attack is seen or
 * refused; without trace mode's own protection it works, which the tests of the init's filter show on the same calls.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessEvent, ContainerSandbox, SandboxOptions, TraceEvent, Violation } from '../../src/index.js'
import { evadeHome } from '../helpers/evade.js'
import { withSandbox } from '../helpers/sandboxes.js'

let home: Awaited<ReturnType<typeof evadeHome>>
beforeAll(async () => {
  home = await evadeHome()
})
afterAll(() => home[Symbol.asyncDispose]())

const traced = <T>(
  work: (sandbox: ContainerSandbox) => Promise<T>,
  { trace = true, ...options }: SandboxOptions = {},
): Promise<T> =>
  withSandbox(
    { user: { name: 'evader', home: home.home }, limits: { pids: 256, memoryBytes: '512MiB' }, trace, ...options },
    work,
  )

/** Runs a script and returns its output with every event of it. */
const watched = (script: string, options?: SandboxOptions) =>
  traced(async (sandbox) => {
    const events: TraceEvent[] = []
    const reading = (async () => {
      for await (const event of sandbox.trace.events()) {
        expect(event.kind).not.toBe('gap')
        if (event.kind !== 'gap') events.push(event)
      }
    })()
    const result = await sandbox.shell(script, { timeoutMs: 100_000 })
    const summary = sandbox.trace.summary()
    await sandbox.kill()
    await reading
    return { ...result, events, summary }
  }, options)

const accesses = (events: readonly TraceEvent[], path: string): AccessEvent[] =>
  events.filter((event): event is AccessEvent => event.kind === 'access' && event.path === path)

describe('getting away', () => {
  test('by asking not to be traced is refused, and the file is not opened unseen', async () => {
    const { stdout, events } = await watched('/evade untraced /secret')
    expect(stdout).toBe('clone EPERM\nclone3 ENOSYS\n')
    expect(accesses(events, '/secret')).toEqual([])
  })

  test('by the 32-bit entry ends the process, and is told', async () => {
    const { signal, exitCode, events, stdout } = await watched('exec /evade int80 /secret')
    expect({ signal, exitCode, stdout }).toEqual({ signal: 'SIGSYS', exitCode: null, stdout: '' })
    expect(events).toContainEqual(expect.objectContaining({ kind: 'refused', commandId: 1, errno: null }))
  })

  test('by io_uring, ptrace or a filter of its own is refused', async () => {
    const { stdout } = await watched('/evade uring; /evade traceme; /evade filter')
    expect(stdout).toBe('io_uring_setup ENOSYS\nptrace EPERM\nprctl EPERM\nseccomp EPERM\n')
  })

  test('by one call of each that was refused is told with calls: all', async () => {
    const { events } = await watched('/evade uring; /evade traceme', { trace: { calls: 'all' } })
    const refused = events.flatMap((event) => (event.kind === 'refused' ? [`${event.syscall} ${event.errno}`] : []))
    expect(refused).toEqual(expect.arrayContaining(['io_uring_setup ENOSYS', 'ptrace EPERM']))
  })
})

describe('ending the tracer', () => {
  test('by signals is refused, and it goes on tracing', async () => {
    const script = `
      for d in /proc/[0-9]*; do
        IFS= read -r line < $d/cmdline; set -- $line
        case $line in strace*|/bin/tracer*)
          echo found; p=\${d#/proc/}
          kill -STOP $p && echo stopped; kill -KILL $p && echo killed;;
        esac
      done 2> /dev/null
      read x < /secret; echo survived`
    const { events, stdout } = await watched(script)
    expect(stdout).toBe('found\nfound\nsurvived\n')
    expect(accesses(events, '/secret')).toMatchObject([{ mode: 'read', errno: null }])
  })

  test('its memory, descriptors and environment cannot be opened', async () => {
    const script = `
      for d in /proc/[0-9]*; do
        IFS= read -r line < $d/cmdline
        case $line in strace*|/bin/tracer*)
          echo seen
          for f in mem environ fd/1 maps exe; do
            if cat $d/$f > /dev/null; then echo "opened $f"; fi
            if echo x >> $d/$f; then echo "wrote $f"; fi
          done;;
        esac
      done 2> /dev/null`
    const { stdout } = await watched(script)
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['seen']))
  })
})

describe('forging', () => {
  test.each([
    ['an end and a new line', 'a") = 3</secret>\n9999 1.0 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = 3</etc/shadow>'],
    ['an interruption', 'x <unfinished ...>\n1 1.000000 <... openat resumed>) = 3</etc/shadow>'],
    ['an exit', '+++ exited with 0 +++\n1 1.000000 +++ exited with 0 +++'],
    ['quotes, brackets and escapes', '"\\")]}> = -1 ENOENT (No such file) \\162\\163 \u{202e}'],
    ['a deleted file', 'gone (deleted)'],
  ])('a name with %s is one name', async (_what, name) => {
    const { events, summary } = await traced(async (sandbox) => {
      const seen: TraceEvent[] = []
      const reading = (async () => {
        for await (const event of sandbox.trace.events()) if (event.kind !== 'gap') seen.push(event)
      })()
      await sandbox.run(
        'node',
        [
          '-e',
          'fs.mkdirSync(path.dirname(process.argv[1]), { recursive: true }); fs.writeFileSync(process.argv[1], "x")',
          `/tmp/${name}`,
        ],
        { check: true },
      )
      const after = sandbox.trace.summary()
      await sandbox.kill()
      await reading
      return { events: seen, summary: after }
    })
    expect(accesses(events, `/tmp/${name}`)).toMatchObject([
      { mode: 'create', file: `/tmp/${name}`, resolution: 'descriptor' },
    ])
    // Whatever the name says, nothing outside of the folder was written, and no other process was.
    const elsewhere = events.filter(
      (event) => event.kind === 'access' && event.mode === 'create' && !/^\/tmp(?:\/|$)/.test(String(event.path)),
    )
    expect(elsewhere).toEqual([])
    expect(accesses(events, '/etc/shadow')).toEqual([])
    expect(summary.counts.unknownLines).toBe(0)
  })

  test('a name that another thread exchanges is reported as what was opened', async () => {
    const { stdout, events } = await watched('/evade race /plain /secret 3000')
    const opened = accesses(events, '/secret').filter(({ resolution }) => resolution === 'descriptor')
    expect(Number(stdout)).toBeGreaterThan(0)
    // One more is the stat before the race, which is no open.
    expect(opened).toHaveLength(Number(stdout))
  })
})

describe('drowning', () => {
  test('a flood of calls is told to the last one', async () => {
    const script = `node -e 'for (let i = 0; i < 50000; i++) fs.statSync("/plain"); fs.readFileSync("/secret")'`
    const { summary, events } = await watched(script, { trace: { maxQueuedEvents: 1_000_000, onViolation: 'report' } })
    expect(accesses(events, '/plain')).toHaveLength(50_000)
    expect(accesses(events, '/secret')).toHaveLength(1)
    expect(summary.counts.unknownLines).toBe(0)
  })

  test('threads, forks, vforks and a chain of execs belong to the command that began them', async () => {
    const script = '/evade threads 100 /secret && /evade forks 1000 && /evade vfork 300 && /evade exec 100 /secret'
    const { exitCode, stdout, events, summary } = await watched(script, {
      trace: { maxQueuedEvents: 1_000_000, onViolation: 'report' },
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'done\ndone\ndone\n' })
    expect(accesses(events, '/secret')).toHaveLength(101)
    expect(new Set(events.map((event) => (event.kind === 'unknown' ? 'unknown' : event.commandId)))).toEqual(
      new Set([1]),
    )
    expect(events.filter(({ kind }) => kind === 'start').length).toBeGreaterThanOrEqual(1_400)
    expect(summary.counts.unknownLines).toBe(0)
  })

  test('what a guest does last before it ends its own sandbox is told, or that it is missing', async () => {
    const script = `const name = '/' + '\\x01'.repeat(3000)
      for (let i = 0; i < 3000; i++) fs.existsSync(name)
      fs.readFileSync('/secret')
      for (let pid = 2; pid < 400; pid++) if (pid !== process.pid) try { process.kill(pid, 'SIGKILL') } catch {}`
    await traced(async (sandbox) => {
      const errors: string[] = []
      sandbox.on('error', ({ code }) => errors.push(code))
      const ended = new Promise((resolve) => sandbox.once('exit', resolve))
      // A host that has other things to do.
      const busy = setInterval(() => {
        for (const until = performance.now() + 40; performance.now() < until;);
      }, 45)
      await sandbox.run('node', ['-e', script]).catch(() => undefined)
      await ended
      clearInterval(busy)
      const isSeen = sandbox.trace.summary().read.some(({ path }) => path === '/secret')
      expect(isSeen || errors.includes('ERR_TRACE_UNAVAILABLE')).toBe(true)
    })
  })

  test('a path of 4,096 bytes is told whole', async () => {
    const path = `/${'./'.repeat(2_044)}secret`
    const { events } = await watched(`read x < ${path}`)
    expect(accesses(events, '/secret')).toMatchObject([{ file: path }])
  })
})

describe('the policy', () => {
  test('finds execveat with an empty path by what it executes', async () => {
    const violations: Violation[] = []
    const trace = { exec: ['/evade', '/bin/sh', '/usr/bin/dash', '/usr/bin/sh'], onViolation: 'report' } as const
    await traced(
      async (sandbox) => {
        sandbox.on('jailbreak', (violation) => violations.push(violation))
        await sandbox.shell('/evade empty /bin/true')
      },
      { trace },
    )
    expect(violations).toMatchObject([{ mode: 'exec', syscall: 'execveat', path: '/usr/bin/true' }])
  })

  test('finds connections by their address', async () => {
    const violations: Violation[] = []
    await traced(
      async (sandbox) => {
        sandbox.on('jailbreak', (violation) => violations.push(violation))
        const script = `const net = require('net'); const none = () => {}
          net.connect(80, '10.1.2.3').on('error', none); net.connect({ path: '/tmp/none.sock' }).on('error', none)
          const udp = require('dgram').createSocket('udp6').on('error', none)
          udp.send('x', 53, '::1', () => udp.close())`
        await sandbox.run('node', ['-e', script], { timeoutMs: 10_000 })
      },
      { trace: { onViolation: 'report' } },
    )
    const addresses = violations.filter(({ access }) => access === 'connect').map(({ path }) => path)
    expect(addresses).toEqual(expect.arrayContaining(['10.1.2.3:80', '[::1]:53']))
    expect(addresses).not.toContain('unix:/tmp/none.sock')
  })
})
