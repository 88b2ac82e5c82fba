import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import {
  parseArgv,
  parseCallOptions,
  parseCommandOptions,
  parseDriverOptions,
  parseGuestPath,
  parseSpawnOptions,
} from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const limits = { outputBytes: 5000, cpuTimeMs: 700 }

test("a command without options follows the sandbox's limits", () => {
  expect(parseCommandOptions(undefined, limits)).toEqual({
    cwd: '/',
    env: {},
    timeoutMs: null,
    cpuTimeMs: 700,
    signal: null,
    killSignal: 'SIGTERM',
    input: null,
    outputBytes: 5000,
    check: false,
    encoding: 'utf8',
  })
  expect(parseSpawnOptions({}, limits)).toMatchObject({ cpuTimeMs: 700, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' })
})

test.each<[string, unknown]>([
  ['input', 'text'],
  ['input', new Uint8Array(3)],
  ['input', Buffer.from('x')],
  ['input', Readable.from(['x'])],
  ['input', (async function* () {})()],
  ['cwd', '/a/../b'],
  ['killSignal', 'SIGINT'],
  ['outputBytes', 1],
  ['cpuTimeMs', 10],
  ['timeoutMs', 1],
  ['encoding', 'buffer'],
  ['check', true],
])('%s is taken as it is', (name, value) => {
  const options = parseCommandOptions({ [name]: value }, limits) as Record<string, unknown>
  expect(options[name]).toBe(value)
  expect(Object.isFrozen(options)).toBe(true)
})

describe('refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['cwd', 'work', /relative/i],
    ['cwd', '', /empty/],
    ['cwd', '/a\0', /NUL/],
    ['cwd', `/${'a/'.repeat(2100)}`, /4,201 bytes/],
    ['env', { 'A=': '1' }, /'=' ends a name/],
    ['timeoutMs', 0, /never mean/],
    ['timeoutMs', -1, /never mean/],
    ['timeoutMs', 1.5, /a whole number/],
    ['timeoutMs', NaN, /failed calculation/],
    ['timeoutMs', '1000', /not a string/],
    ['timeoutMs', 2 ** 31, /2,147,483,647/],
    ['cpuTimeMs', 9, /10 to/],
    ['outputBytes', 0, /never mean/],
    ['outputBytes', '1GiB', /1B to 256MiB/],
    ['signal', { aborted: false }, /AbortSignal/],
    ['check', 'yes', /true or false/],
    ['encoding', 'latin1', /'utf8', 'buffer'/],
    ['killSignal', 'TERM', /did you mean 'SIGTERM'/i],
    ['killSignal', 'constructor', /the name of a signal/],
    ['killSignal', 9, /signal|SIGTERM/],
    ['input', 5, /a string, a Uint8Array/],
    ['input', { pipe: 1 }, /a string, a Uint8Array/],
    ['shell', true, /unknown option/],
    ['timeout', 1000, /did you mean timeoutMs/],
  ])('%s: %j', (name, value, reason) => {
    const { message, issues } = refused(() => parseCommandOptions({ [name]: value }, limits))
    expect(issues[0]?.path.startsWith(name)).toBe(true)
    expect(message).toMatch(anyCase(reason))
  })

  test.each<[unknown, unknown, RegExp]>([
    ['', [], /empty/],
    ['a\0b', [], /NUL/],
    [5, [], /a name or path/],
    ['ls', 'x', /an array of strings/],
    ['ls', ['a', 'b\0c'], /args\[1\].*NUL/],
    ['ls', [1], /args\[0\]/],
    ['ls', ['\udfff'], /surrogate/],
    ['ls', ['x'.repeat(131_072)], /131,072 bytes/],
    ['ls', Array.from({ length: 65_537 }, () => ''), /at most 65,536/],
    ['ls', Array.from({ length: 20 }, () => 'x'.repeat(131_000)), /2,097,152 bytes in all/],
  ])('argv %#', (file, args, reason) => {
    expect(refused(() => parseArgv(file, args)).message).toMatch(anyCase(reason))
  })

  test.each([undefined, null, 5, '', 'a', './a', '/a\0', `/${'x'.repeat(256)}`])('guest path %j', (path) => {
    expect(refused(() => parseGuestPath(path)).message).toMatch(/^Invalid guest path: /)
  })

  test.each<[unknown, RegExp]>([
    [{ timeoutMs: 0 }, /timeoutMs/],
    [{ signal: 1 }, /AbortSignal/],
    [{ timeout: 5 }, /did you mean timeoutMs/],
    [null, /an object/],
  ])('call options %j', (raw, reason) => {
    expect(refused(() => parseCallOptions(raw)).message).toMatch(anyCase(reason))
  })

  test.each<[unknown, RegExp]>([
    [{ host: '/var/run/docker.sock' }, /unix:\/\/\/path/],
    [{ host: 'unix://relative' }, /scheme|unix/],
    [{ host: 'ftp://x' }, /scheme/],
    [{ host: 'tcp://' }, /host name|URL/],
    [{ host: 'tcp://a b' }, /URL/],
    [{ host: '' }, /scheme/],
    [{ requestTimeoutMs: 0 }, /never mean/],
    [{ socketPath: '/x' }, /unknown option/],
  ])('driver options %j', (raw, reason) => {
    expect(refused(() => parseDriverOptions(raw)).message).toMatch(anyCase(reason))
  })
})

test('argv, paths and driver options that are right', () => {
  expect(parseArgv('/bin/ls', ['', 'ü', '-l'])).toEqual({ file: '/bin/ls', args: ['', 'ü', '-l'] })
  expect(parseGuestPath('/a/../b')).toBe('/a/../b')
  expect(parseCallOptions()).toEqual({ timeoutMs: null, signal: null })
  for (const host of [
    'unix:///run/x.sock',
    'tcp://10.0.0.1:2376',
    'https://h:1',
    'ssh://me@host',
    'tcp://[::1]:2375',
  ]) {
    expect(parseDriverOptions({ host }).host).toBe(host)
  }
})
