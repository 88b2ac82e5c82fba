/** Builds that mean harm, or that are only broken: each ends as it should, beside a neighbour that notices nothing. */
import { readFileSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BuildOptions, BuildRunner } from '../../../src/index.js'
import { build, withRunner } from '../../helpers/runners.js'
import { containersOf } from '../../helpers/sandboxes.js'
import { heldBytes } from '../../helpers/memory.js'

let runner: BuildRunner
let close: () => void
let closed: Promise<void>

beforeAll(async () => {
  await new Promise<void>((ready, fail) => {
    const options = { concurrency: 2, limits: { memoryBytes: '128MiB', pids: 64 }, logBytes: '1MiB' } as const
    closed = withRunner(options, async (opened) => {
      runner = opened
      const end = new Promise<void>((resolve) => (close = resolve))
      ready()
      await end
    })
    closed.catch(fail)
  })
})

afterAll(async () => {
  close()
  await closed
})

/** Runs a build beside one of another tenant, which must succeed. */
async function beside(options: Omit<BuildOptions, 'tenant'>) {
  const [hostile, neighbour] = await Promise.all([
    build(runner, { tenant: 'mallory', ...options }),
    build(runner, { tenant: 'alice', steps: [{ run: 'for i in 1 2 3; do sleep 0.1; echo $i; done' }] }),
  ])
  expect(neighbour).toMatchObject({ output: '1\n2\n3\n', result: { outcome: 'succeeded' } })
  const started = hostile.events.find((event) => event.type === 'started')
  if (started !== undefined) expect(await containersOf(started.sandboxId)).toEqual([])
  return hostile
}

describe('a build that', () => {
  it('never ends is ended at its deadline', async () => {
    const { result } = await beside({ steps: [{ run: 'sleep 600' }, { run: 'echo never' }], timeoutMs: 500 })
    expect(result).toMatchObject({ outcome: 'timeout', steps: [{ outcome: 'timeout' }, { outcome: 'skipped' }] })
    expect(result.durationMs).toBeLessThan(15_000)
  })

  it('ignores signals is killed', async () => {
    const run = 'trap "" TERM INT HUP; (setsid sh -c "trap \\"\\" TERM; sleep 601" &); while :; do sleep 1; done'
    const { result } = await beside({ steps: [{ run, timeoutMs: 500 }] })
    expect(result).toMatchObject({ outcome: 'failed', steps: [{ outcome: 'timeout' }] })
  })

  it('forks without end meets its pids, and ends', async () => {
    const { result } = await beside({ steps: [{ run: 'f() { f | f & }; f; sleep 600' }], timeoutMs: 1500 })
    expect(['timeout', 'failed']).toContain(result.outcome)
  })

  it('fills its workspace, /tmp and /dev/shm meets their sizes', async () => {
    const fill = (path: string) =>
      `dd if=/dev/zero of=${path}/fill bs=1M count=1000 2>&1 | grep -c "No space left"; rm -f ${path}/fill`
    const { result, output } = await beside({
      steps: [{ run: ['/workspace', '/tmp', '/dev/shm'].map(fill).join('\n') }],
    })
    expect(result.outcome).toBe('succeeded')
    expect(output).toBe('1\n1\n1\n')
  })

  it('takes all memory is ended for it', async () => {
    const { result } = await beside({ steps: [{ run: 'x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo ${#x}' }] })
    expect(result).toMatchObject({ outcome: 'failed', steps: [{ outcome: 'oom' }] })
  })

  it('prints a gigabyte without a newline is read to its end, and its log keeps its size', async () => {
    const { result } = await beside({
      steps: [{ run: 'head -c 1073741824 /dev/zero | tr "\\0" x; echo; echo end >&2; exit 5' }],
    })
    expect(result).toMatchObject({ outcome: 'failed', logTruncated: true, steps: [{ exitCode: 5, outcome: 'exited' }] })
    expect(statSync(result.logPath).size).toBeLessThanOrEqual(1024 ** 2)
    expect(readFileSync(result.logPath, 'utf8').trimEnd().split('\n').at(-1)).toMatch(/"type":"finished"/)
  })

  it('prints ANSI, bidi and NUL leaves a log that is safe to print', async () => {
    const run = `printf '\\033[2J\\033]0;title\\007 \\342\\200\\256 evil \\000 \\302\\233 \\377\\n'`
    const { result, output } = await beside({ steps: [{ run, name: 'a \u202e name' }] })
    expect(result.outcome).toBe('succeeded')
    expect(output).toContain('\u001b[2J')
    expect(readFileSync(result.logPath, 'utf8')).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
    )
  })

  it('kills whatever it can see ends, and nothing else does', async () => {
    const { result } = await beside({
      steps: [
        { run: 'kill -9 1 2>/dev/null; for p in /proc/[0-9]*; do kill -9 ${p#/proc/} 2>/dev/null; done; echo alive' },
      ],
    })
    expect(['failed', 'lost']).toContain(result.outcome)
  })

  it.each(['../../etc', '/etc/passwd', 'a/../../b', ''])(
    'wants artifacts from outside (%j) is refused',
    async (glob) => {
      await expect(runner.submit({ tenant: 'mallory', steps: [{ run: 'true' }], artifacts: [glob] })).rejects.toThrow(
        /artifacts.*below the workspace/s,
      )
    },
  )

  it('leaves links out of its workspace as artifacts fails, and the host has none of it', async () => {
    const { result } = await beside({
      steps: [{ run: 'mkdir out; ln -s /etc/passwd out/link; ln -s ../../.. out/up' }],
      artifacts: ['out'],
    })
    expect(result).toMatchObject({ outcome: 'failed', artifacts: [], artifactsDir: null })
    expect(result.error?.message).toMatch(/link that leads out/)
  })
})

describe('a source', () => {
  const steps = [{ run: 'find . | wc -l' }]
  const archive = (add: (tar: ReturnType<typeof pack>) => void): BuildOptions['source'] => {
    const tar = pack()
    add(tar)
    tar.finalize()
    return { tar }
  }

  it.each<[string, BuildOptions['source']]>([
    ['a link out', archive((tar) => tar.entry({ name: 'a', type: 'symlink', linkname: '/etc/passwd' }))],
    ['an absolute name', archive((tar) => tar.entry({ name: '/etc/evil' }, 'x'))],
    ['a name that climbs', archive((tar) => tar.entry({ name: 'a/../../evil' }, 'x'))],
    ['a device', archive((tar) => tar.entry({ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }))],
  ])('with %s is refused before its step runs', async (_, source) => {
    const { result, output } = await beside({ source: source ?? null, steps })
    expect(result).toMatchObject({ outcome: 'error', steps: [] })
    expect(result.error?.code).toMatch(/ERR_UNSAFE_ARCHIVE|ERR_SOURCE/)
    expect(output).toBe('')
  })

  it('with a million files is refused in bounded memory', async () => {
    const header = (index: number): Buffer => {
      const block = Buffer.alloc(512)
      block.write(`f${index}`, 0)
      block.write('0000644\0' + '0000000\0' + '0000000\0' + '00000000000\0' + '00000000000\0' + '        ' + '0', 100)
      block.write('ustar\0' + '00', 257)
      const sum = block.reduce((total, byte) => total + byte, 0)
      block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
      return block
    }
    const before = heldBytes()
    let most = 0
    const tar = Readable.from(
      (function* () {
        for (let index = 0; index < 1_000_000; index++) {
          if (index % 20_000 === 0) most = Math.max(most, heldBytes() - before)
          yield header(index)
        }
        yield Buffer.alloc(1024)
      })(),
    )
    const { result } = await beside({ source: { tar }, steps })
    expect(result).toMatchObject({ outcome: 'error', steps: [] })
    expect(result.error?.message).toMatch(/200,?000|does not fit/)
    expect(most).toBeLessThan(200 * 1024 ** 2)
  })

  it('that is not there is an error that names it', async () => {
    const { result } = await beside({ source: { folder: '/no/such/folder' }, steps })
    expect(result).toMatchObject({ outcome: 'error' })
    expect(result.error?.message).toMatch(/\/no\/such\/folder/)
  })
})
