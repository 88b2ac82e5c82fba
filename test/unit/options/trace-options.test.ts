import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  parseSandboxOptions,
  parseTracePolicyFile,
  TRACE_DEFAULTS,
  type ResolvedTraceOptions,
} from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

function parse(trace: unknown): ResolvedTraceOptions | null {
  return parseSandboxOptions({ trace }).trace
}

const setsOf = (list: keyof typeof TRACE_DEFAULTS): object[] =>
  TRACE_DEFAULTS[list].map((set) => ({ kind: 'set', set }))

const watching = {
  policy: null,
  onViolation: 'kill',
  calls: 'named',
  log: null,
  maxQueuedEvents: 10_000,
  maxLagMs: 10_000,
  pinCpu: true,
}

describe('what is judged', () => {
  test.each([false, null, undefined])('%s: not traced', (trace) => {
    expect(parse(trace)).toBeNull()
  })

  test.each([[true], [{}], [{ calls: 'named', read: null }]])('%j: watched and not judged', (trace) => {
    expect(parse(trace)).toEqual(watching)
  })

  test('other options alone judge nothing', () => {
    expect(parse({ calls: 'all', log: 'x.ndjson', maxQueuedEvents: 1, maxLagMs: 100, pinCpu: false })).toEqual({
      ...watching,
      calls: 'all',
      log: resolve('x.ndjson'),
      maxQueuedEvents: 1,
      maxLagMs: 100,
      pinCpu: false,
    })
  })

  test('one list: the others are at their default', () => {
    expect(parse({ read: ['/work'] })?.policy).toEqual({
      read: [{ kind: 'path', path: '/work' }],
      write: setsOf('write'),
      exec: setsOf('exec'),
      connect: [],
    })
    expect(parse({ connect: [] })?.policy?.read).toEqual(setsOf('read'))
    expect(parse({ write: [] })?.policy?.write).toEqual([])
  })

  test('onViolation alone judges by the defaults', () => {
    const decide = (): 'report' => 'report'
    expect(parse({ onViolation: 'report' })).toMatchObject({ onViolation: 'report', policy: { connect: [] } })
    expect(parse({ onViolation: decide })?.onViolation).toBe(decide)
  })

  test('@default adds to what a list has by itself', () => {
    expect(parse({ read: ['@default', '/etc/passwd'] })?.policy?.read).toEqual([
      ...setsOf('read'),
      { kind: 'path', path: '/etc/passwd' },
    ])
  })
})

describe('patterns', () => {
  const readOf = (pattern: unknown): unknown => parse({ read: [pattern] })?.policy?.read[0]
  const connectTo = (pattern: unknown): unknown => parse({ connect: [pattern] })?.policy?.connect[0]

  test.each<[given: string, path: string]>([
    ['/work', '/work'],
    ['/work/', '/work'],
    ['/', '/'],
    ['/a b/(c)|+$^"!', '/a b/(c)|+$^"!'],
    ['/a\\*b', '/a*b'],
    ['/a\\[1\\]/\\{x,y\\}\\?\\\\', '/a[1]/{x,y}?\\'],
    ['/...', '/...'],
    ['/bytes/\udcff', '/bytes/\udcff'],
  ])('%j is a path', (given, path) => {
    expect(readOf(given)).toEqual({ kind: 'path', path })
  })

  test('a glob begins where its plain segments end', () => {
    expect(readOf('/work/src/*.c')).toEqual({
      kind: 'glob',
      folder: '/work/src',
      parts: [{ kind: 'text', text: '/' }, { kind: 'star' }, { kind: 'text', text: '.c' }],
    })
    expect(readOf('/w?rk')).toMatchObject({ kind: 'glob', folder: '/' })
  })

  test('a regular expression, also as JSON has it', () => {
    expect(readOf(/^\/x$/u)).toEqual({ kind: 'regexp', regexp: /^\/x$/u })
    expect(readOf({ regexp: '^/x$', flags: 'iu' })).toEqual({ kind: 'regexp', regexp: /^\/x$/iu })
  })

  test.each<[given: string, wanted: object]>([
    ['10.0.0.1:443', { kind: 'network', address: '10.0.0.1', prefixBits: 32, port: 443 }],
    ['10.0.0.0/8:*', { kind: 'network', address: '10.0.0.0', prefixBits: 8, port: null }],
    ['[::1]:80', { kind: 'network', address: '::1', prefixBits: 128, port: 80 }],
    ['[fd00::/8]:*', { kind: 'network', address: 'fd00::', prefixBits: 8, port: null }],
    ['*:53', { kind: 'network', address: null, prefixBits: 0, port: 53 }],
    ['*:*', { kind: 'network', address: null, prefixBits: 0, port: null }],
    ['unix:@name', { kind: 'abstract', name: 'name' }],
    ['unix:/run/x', { kind: 'unix', path: { kind: 'path', path: '/run/x' } }],
  ])('connect %s', (given, wanted) => {
    expect(connectTo(given)).toEqual(wanted)
  })
})

describe('refused', () => {
  const many = Array.from({ length: 10_001 }, (_, index) => `/f${index}`)
  test.each<[what: string, trace: unknown, at: string, reason: RegExp]>([
    ['a number', 1, 'trace', /true, false, or an object/],
    ['a text', 'all', 'trace', /true, false, or an object/],
    ['an array', [], 'trace', /true, false, or an object/],
    ['an unknown key', { raed: [] }, 'trace.raed', /did you mean read/],
    ['a policy of another shape', { policy: null }, 'trace.policy', /known: read, write/],
    ['no list', { read: '/work' }, 'trace.read', /an array of patterns/],
    ['too many patterns', { read: many }, 'trace.read', /at most 10,000/],
    ['onViolation', { onViolation: 'stop' }, 'trace.onViolation', /'kill', 'report' or a function/],
    ['calls', { calls: 'some' }, 'trace.calls', /'named', 'all'/],
    ['log', { log: '' }, 'trace.log', /empty/],
    ['maxQueuedEvents', { maxQueuedEvents: 1_000_001 }, 'trace.maxQueuedEvents', /1 to 1,000,000/],
    ['maxLagMs', { maxLagMs: 99 }, 'trace.maxLagMs', /100 to 600,000/],
    ['pinCpu', { pinCpu: 1 }, 'trace.pinCpu', /true or false/],
    ['JK-D7: a relative path', { write: ['/ok', './tmp/jail2'] }, 'trace.write[1]', /relative: start it with a slash/],
    ['JK-D7: a relative glob', { read: ['**/x'] }, 'trace.read[0]', /relative/],
    ['alternatives at the start', { read: ['{/a,/b}'] }, 'trace.read[0]', /relative/],
    ['..', { read: ['/a/../b'] }, 'trace.read[0]', /without '\.\.'/],
    ['.. at the end', { read: ['/a/..'] }, 'trace.read[0]', /without '\.\.'/],
    ['.. in a glob', { read: ['/*/../b'] }, 'trace.read[0]', /without '\.\.'/],
    ['.. after **', { read: ['/**/../b'] }, 'trace.read[0]', /without '\.\.'/],
    ['.. in an alternative', { read: ['/{a/../b,c}'] }, 'trace.read[0]', /without '\.\.'/],
    ['.', { read: ['/./a'] }, 'trace.read[0]', /without '\.'/],
    ['an empty segment', { read: ['/a//b'] }, 'trace.read[0]', /single slashes/],
    ['two closing slashes', { read: ['/a//'] }, 'trace.read[0]', /single slashes/],
    ['an empty segment in a glob', { read: ['/*//b'] }, 'trace.read[0]', /single slashes/],
    ['an empty text', { read: [''] }, 'trace.read[0]', /empty/],
    ['NUL', { read: ['/a\0'] }, 'trace.read[0]', /NUL/],
    ['half a pair', { read: ['/\ud800'] }, 'trace.read[0]', /surrogate/],
    ['a long text', { read: [`/${'x'.repeat(4096)}`] }, 'trace.read[0]', /4,097 bytes/],
    ['a number in a list', { read: [5] }, 'trace.read[0]', /neither a text nor a regular expression/],
    ['a negated pattern', { read: ['!/etc'] }, 'trace.read[0]', /never negated/],
    ['an open bracket', { read: ['/a[b'] }, 'trace.read[0]', /'\[' has no counterpart/],
    ['a closing bracket', { read: ['/a]b'] }, 'trace.read[0]', /'\]' has no counterpart/],
    ['an open brace', { read: ['/a{b,c'] }, 'trace.read[0]', /'\{' has no counterpart/],
    ['a closing brace', { read: ['/a}'] }, 'trace.read[0]', /'\}' has no counterpart/],
    ['an empty class', { read: ['/a[]'] }, 'trace.read[0]', /matches nothing/],
    ['a class with a slash', { read: ['/a[x/]'] }, 'trace.read[0]', /never a slash/],
    ['a range backwards', { read: ['/[z-a]'] }, 'trace.read[0]', /\[z-a\] runs backwards/],
    ['a named class', { read: ['/[[:alpha:]]'] }, 'trace.read[0]', /names of classes/],
    ['one alternative', { read: ['/{a}'] }, 'trace.read[0]', /two alternatives/],
    ['a range in braces', { read: ['/{1..9}'] }, 'trace.read[0]', /ranges are not known/],
    ['** within a segment', { read: ['/a**'] }, 'trace.read[0]', /segment of its own/],
    ['** in braces', { read: ['/a/{**,b}'] }, 'trace.read[0]', /outside of braces/],
    ['a backslash at the end', { read: ['/a\\'] }, 'trace.read[0]', /ends in a backslash/],
    ['a misspelt set', { read: ['@hme'] }, 'trace.read[0]', /did you mean '@home'/],
    ['an unknown set', { exec: ['@everything'] }, 'trace.exec[0]', /the sets are @runtime, /],
    ['flag g', { read: [/x/g] }, 'trace.read[0]', /keep a state/],
    ['flag y', { read: [/x/y] }, 'trace.read[0]', /keep a state/],
    ['flag m', { read: [/^x/m] }, 'trace.read[0]', /newline/],
    ['a broken expression', { read: [{ regexp: '(' }] }, 'trace.read[0]', /no regular expression/],
    ['unknown flags', { read: [{ regexp: 'x', flags: 'q' }] }, 'trace.read[0]', /no regular expression/],
    ['an empty expression', { read: [{ regexp: '' }] }, 'trace.read[0]', /is empty/],
    ['an object of other keys', { read: [{ glob: '/x' }] }, 'trace.read[0]', /'regexp' and 'flags'/],
    ['a long expression', { read: [{ regexp: 'x'.repeat(4097) }] }, 'trace.read[0]', /4,097 bytes/],
    ['a set of files', { connect: ['@home'] }, 'trace.connect[0]', /sets hold files/],
    ['a path to connect to', { connect: ['/run/x'] }, 'trace.connect[0]', /'unix:\/run\/x'/],
    ['no socket name', { connect: ['unix:@'] }, 'trace.connect[0]', /name the socket/],
    ['a relative socket', { connect: ['unix:x'] }, 'trace.connect[0]', /relative/],
    ['no port', { connect: ['10.0.0.1'] }, 'trace.connect[0]', /the port is missing/],
    ['port 0', { connect: ['10.0.0.1:0'] }, 'trace.connect[0]', /1 to 65,535/],
    ['port 65536', { connect: ['10.0.0.1:65536'] }, 'trace.connect[0]', /1 to 65,535/],
    ['a port with a sign', { connect: ['10.0.0.1:+1'] }, 'trace.connect[0]', /1 to 65,535/],
    ['a host name', { connect: ['example.org:443'] }, 'trace.connect[0]', /names of hosts are not known/],
    ['an IPv4 address of 3 parts', { connect: ['10.0.1:443'] }, 'trace.connect[0]', /an IPv4 address/],
    ['IPv6 without brackets', { connect: ['fd00::1'] }, 'trace.connect[0]', /'\[fd00::1\]:port'/],
    ['IPv4 in brackets', { connect: ['[10.0.0.1]:1'] }, 'trace.connect[0]', /no IPv6 address/],
    ['IPv4 as IPv6', { connect: ['[::ffff:10.0.0.1]:1'] }, 'trace.connect[0]', /write it as one/],
    ['/33', { connect: ['10.0.0.0/33:*'] }, 'trace.connect[0]', /0 to 32/],
    ['/129', { connect: ['[::/129]:*'] }, 'trace.connect[0]', /0 to 128/],
    ['/x', { connect: ['10.0.0.0/x:*'] }, 'trace.connect[0]', /0 to 32/],
    ['two lengths', { connect: ['10.0.0.0/8/8:*'] }, 'trace.connect[0]', /0 to 32/],
  ])('%s', (_what, trace, at, reason) => {
    const { message, issues } = refused(() => parse(trace))
    expect(issues.map(({ path }) => path)).toEqual([at])
    expect(message).toMatch(anyCase(reason))
    expect(message.length).toBeLessThan(1000)
  })

  test.each(['runsc', 'runsc-kvm', 'io.containerd.runsc.v1'])('a traced sandbox of runtime %s', (runtime) => {
    const { issues } = refused(() => parseSandboxOptions({ runtime, trace: true }))
    expect(issues.map(({ path, got }) => [path, got])).toEqual([['trace', 'a traced sandbox']])
    expect(issues[0]?.hint).toMatch(/runtime 'runc'/)
    expect(parseSandboxOptions({ runtime, trace: false }).trace).toBeNull()
  })

  test('every wrong entry is named', () => {
    const { issues } = refused(() => parse({ read: ['/a', 'b', '/c', 'd'], write: ['e'] }))
    expect(issues.map(({ path }) => path)).toEqual(['trace.read[1]', 'trace.read[3]', 'trace.write[0]'])
  })
})

test('the result shares nothing with the input and can be given again', () => {
  const given = { read: ['/a', '/b/*.{c,h}', /x/], connect: ['unix:/run/*'] }
  const trace = parse(given)
  given.read.push('/etc')
  expect(trace?.policy?.read).toHaveLength(3)
  for (const part of [trace, trace?.policy, trace?.policy?.read, trace?.policy?.read[1]]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
  expect(parse(trace)).toBe(trace)
  expect(refused(() => parse({ ...trace })).issues[0]?.path).toBe('trace.policy')
})

describe('a policy file', () => {
  test('is an object for trace', () => {
    const text =
      '\ufeff{ "read": ["@default", { "regexp": "^/x$", "flags": "u" }], "onViolation": "report", "calls": "all" }'
    const file = parseTracePolicyFile(text, 'p.json')
    expect(parse(file)).toMatchObject({ onViolation: 'report', calls: 'all', policy: { connect: [] } })
    expect(parse(file)?.policy?.read.at(-1)).toEqual({ kind: 'regexp', regexp: /^\/x$/u })
  })

  test.each<[text: string, reason: RegExp]>([
    ['{\n  "read": [\n  "/a" "/b"]\n}', /JSON with one object\. Line 3, column 8/],
    ['', /JSON/],
    ['{ read: [] }', /JSON/],
    ['[]', /an object with options/],
    ['null', /an object with options/],
    ['{ "log": "/x" }', /log: unknown option/],
    ['{ "onViolation": "function" }', /onViolation: .*'kill', 'report'/],
    ['{ "write": ["x"] }', /write\[0\]: .*relative/],
  ])('refused: %j', (text, reason) => {
    const { message } = refused(() => parseTracePolicyFile(text, '/my/policy\n.json'))
    expect(message).toMatch(/^Invalid policy file "\/my\/policy\\n\.json": /)
    expect(message).toMatch(anyCase(reason))
  })
})
