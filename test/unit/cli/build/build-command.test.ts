import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { buildCommand, type BuildService } from '../../../../src/cli/build.js'
import type { BuildFlags } from '../../../../src/cli/build/build-flags.js'
import type { Terminal } from '../../../../src/cli/terminal.js'
import type { BuildOptions } from '../../../../src/options/index.js'
import type { BuildEventBody, BuildResult } from '../../../../src/runner/build-events.js'
import { QueueFullError } from '../../../../src/errors.js'
import { buildResult, eventsOf, output, queued, stepFinished, stepResult, stepStarted } from './sample-events.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-command-'))
  writeFileSync(join(folder, 'build.yaml'), 'steps: [{ run: make }]\nartifacts: [dist]\n')
  writeFileSync(join(folder, 'wrong.yaml'), 'steps: 5\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

class FakeTerminal {
  text = ''
  errors = ''
  readonly output = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, callback) => {
      this.text += chunk
      callback()
    },
  })
  print = (text: string): void => void (this.text += `${text}\n`)
  printError = (text: string): void => void (this.errors += `${text}\n`)
}

let terminal: FakeTerminal
let submitted: BuildOptions | null
const close = vi.fn(() => Promise.resolve())
beforeEach(() => {
  terminal = new FakeTerminal()
  submitted = null
  close.mockClear()
})

/** A runner whose builds tell what they are told to tell; one without result waits to be canceled. */
function service(bodies: readonly BuildEventBody[], result: BuildResult | null): BuildService {
  return {
    close,
    submit: (options) => {
      submitted = options
      const canceled = new Promise<BuildResult>((resolve) =>
        options.signal?.addEventListener('abort', () => resolve(buildResult({ outcome: 'canceled' }))),
      )
      const ending = result === null ? canceled : Promise.resolve(result)
      return Promise.resolve({
        result: ending,
        async *[Symbol.asyncIterator]() {
          yield* eventsOf(bodies)
          yield* eventsOf([{ type: 'finished', result: await ending }])
        },
      })
    },
  }
}

const build = (flags: BuildFlags, with_: BuildService, file = 'build.yaml') =>
  buildCommand(terminal as unknown as Terminal, join(folder, file), flags, () => Promise.resolve(with_))

const bodies = [queued('make'), stepStarted(0, 'make'), output('hello\n'), stepFinished()]

test('a build that succeeds', async () => {
  expect(await build({}, service(bodies, buildResult()))).toBe(0)
  expect(submitted).toMatchObject({ steps: [{ run: 'make' }], source: { folder } })
  expect(terminal.text).toMatch(/\[1\/1\] \| hello\n[^]*log: \/state\/0b9d\/log\.ndjson\nsucceeded in 1\.9s\n$/)
  expect(terminal.errors).toBe('')
  expect(close).toHaveBeenCalledWith({ cancel: true })
})

test("a build that fails has the step's exit code", async () => {
  const result = buildResult({ outcome: 'failed', steps: [stepResult({ exitCode: 42 })] })
  expect(await build({}, service(bodies, result))).toBe(42)
  expect(terminal.text).toMatch(/\nfailed after 1\.9s: step 1 of 1 \(make\): exit code 42\n$/)
})

test('--json: each line is an event, the last has the result', async () => {
  expect(await build({ json: true }, service(bodies, buildResult()))).toBe(0)
  const lines = terminal.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.map(({ type }) => type)).toEqual(['queued', 'step', 'output', 'step', 'finished'])
  expect(lines.at(-1)).toMatchObject({ result: buildResult() })
})

test('a file that is wrong is told, and nothing is opened', async () => {
  const open = vi.fn()
  const wrong = (flags: BuildFlags) =>
    buildCommand(terminal as unknown as Terminal, join(folder, 'wrong.yaml'), flags, open)
  expect(await wrong({})).toBe(125)
  expect(terminal.errors).toMatch(/wrong\.yaml:1:8: steps: got 5/)
  expect(terminal.text).toBe('')
  expect(await wrong({ json: true })).toBe(125)
  expect(JSON.parse(terminal.text)).toMatchObject({
    error: { code: 'ERR_BUILD_FILE', details: { problems: [{ path: 'steps', line: 1, column: 8 }] } },
  })
  expect(open).not.toHaveBeenCalled()
})

test('a runner that takes no build', async () => {
  const full: BuildService = { close, submit: () => Promise.reject(new QueueFullError('the queue is full')) }
  expect(await build({}, full)).toBe(125)
  expect(terminal.errors).toBe('the queue is full\n')
  expect(close).toHaveBeenCalled()
})

test('artifacts are copied, and the result says where they are', async () => {
  const kept = join(folder, 'kept')
  mkdirSync(kept)
  writeFileSync(join(kept, 'a'), 'artifact')
  const result = buildResult({ artifactsDir: kept, artifacts: [{ path: 'a', type: 'file', bytes: 8 }] })
  const target = join(folder, 'out')
  expect(await build({ artifacts: target, json: true }, service(bodies, result))).toBe(0)
  expect(readFileSync(join(target, 'a'), 'utf8')).toBe('artifact')
  expect(JSON.parse(terminal.text.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    result: { artifactsDir: target },
  })
  // A second time there is something in the way, which is seen before the build.
  submitted = null
  expect(await build({ artifacts: target }, service(bodies, result))).toBe(125)
  expect(terminal.errors).toMatch(/ENOTEMPTY/)
  expect(submitted).toBeNull()
})

test('a log that cannot be read: the result counts', async () => {
  const unreadable: BuildService = {
    close,
    submit: () =>
      Promise.resolve({
        result: Promise.resolve(buildResult({ outcome: 'failed', steps: [stepResult({ exitCode: 3 })] })),
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('ENOSPC')) }),
      }),
  }
  expect(await build({}, unreadable)).toBe(3)
  expect(terminal.text).toMatch(/no further events: ENOSPC[^]*exit code 3/)
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s cancels', async (signal, code) => {
  const running = build({}, service(bodies, null))
  await vi.waitFor(() => expect(terminal.text).toContain('hello'), { timeout: 10_000 })
  process.emit(signal)
  expect(await running).toBe(code)
  expect(terminal.text).toMatch(/canceling[^]*canceled after/)
  expect(close).toHaveBeenCalled()
})

test('a signal while the runner is opened: nothing is submitted', async () => {
  const opened = buildCommand(terminal as unknown as Terminal, join(folder, 'build.yaml'), {}, () => {
    process.emit('SIGINT')
    return Promise.resolve(service(bodies, null))
  })
  expect(await opened).toBe(130)
  expect(submitted).toBeNull()
  expect(close).toHaveBeenCalled()
})

test('a second signal ends this process at once', async () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  try {
    const running = build({}, service(bodies, null))
    await vi.waitFor(() => expect(terminal.text).toContain('hello'), { timeout: 10_000 })
    process.emit('SIGTERM')
    expect(kill).not.toHaveBeenCalled()
    process.emit('SIGTERM')
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL')
    await running
  } finally {
    kill.mockRestore()
  }
})
