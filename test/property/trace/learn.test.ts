/** A learned policy allows all that was seen, and nothing beside it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { traceObjectSchema } from '../../../src/options/trace-options.js'
import type { AccessEvent, TraceAccess } from '../../../src/trace/event.js'
import { learnPolicy, mergeLearned, type LearnedPolicy } from '../../../src/trace/learn/index.js'
import { compilePolicy } from '../../../src/trace/policy/index.js'
import { access } from '../../unit/trace/events.js'

const SCRATCH = ['/tmp', '/work/o*t']
const context = { home: ['/main.c'], scratch: SCRATCH, mounts: [{ target: '/data', writable: true }] }

/** Everything that a pattern could take for something else, a raw byte and characters of more than one unit. */
const segment = fc
  .array(fc.constantFrom(...'ab*?[]{}\\,!^-. \n"$+()|', '\udc80', '😀', 'ż', '..'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''))
  .filter((name) => name !== '.' && name !== '..')
const plainPath = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const changingPath = fc
  .tuple(
    fc.constantFrom('/tmp', '/work/o*t', '/proc/40', '/proc/40/task/41', '/proc/self', '/proc/7', '/dev/shm'),
    segment,
  )
  .map(([folder, name]) => `${folder}/${name}`)
const noPath = fc.constantFrom('pipe:[71]', 'socket:[8]', 'anon_inode:[eventfd]', 'net:[4026531840]', '/proc/40/fd/9')

const fileEvent = fc
  .record({
    path: fc.oneof({ weight: 5, arbitrary: plainPath }, changingPath, noPath),
    kind: fc.constantFrom<Partial<AccessEvent>>(
      { mode: 'read', access: 'read' },
      { mode: 'metadata', access: 'read', syscall: 'stat' },
      { mode: 'write', access: 'write' },
      { mode: 'create', access: 'write', syscall: 'mkdir' },
      { mode: 'remove', access: 'write', syscall: 'unlink', errno: 'ENOENT', result: -1 },
      { mode: 'exec', access: 'exec', syscall: 'execve' },
      { mode: 'exec', access: 'exec', syscall: 'execve', errno: 'EACCES', result: -1 },
    ),
  })
  .map(({ path, kind }) => access({ path, ...kind }))
const port = fc.integer({ min: 0, max: 65_535 })
const address = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([host, number]) => `${host}:${number}`),
  fc
    .tuple(fc.constantFrom('::1', 'fe80::1:2', 'fe80::1%eth0', '2001:db8::'), port)
    .map(([host, number]) => `[${host}]:${number}`),
  plainPath.map((path) => `unix:${path}`),
  changingPath.map((path) => `unix:${path}`),
  segment.map((name) => `unix:@${name}`),
  fc.constantFrom('unix:@', 'unix:@a\x001', 'netlink:15', 'vsock:2:1'),
)
const connectEvent = address.map((path) => access({ path, mode: 'connect', access: 'connect', syscall: 'connect' }))
const events = fc.array(fc.oneof({ weight: 4, arbitrary: fileEvent }, connectEvent), { maxLength: 30 })

const learn = (seen: readonly AccessEvent[]) => learnPolicy({ events: seen, syscalls: null, context })

/** As the next sandbox gets it: through JSON, the options and the compiler. */
function compile(learned: LearnedPolicy) {
  const options = traceObjectSchema.parse(JSON.parse(JSON.stringify(learned)))
  if (options.policy === null) throw new Error('nothing is judged')
  return compilePolicy(options.policy, context)
}

function notAllowed(seen: readonly AccessEvent[], learned: LearnedPolicy): AccessEvent[] {
  const policy = compile(learned)
  // Another process of the next run: its own folder of /proc has another number.
  return seen.filter(({ access: right, path }) => {
    const next = (path ?? '').replace(/^\/proc\/40(?=\/|$)/, '/proc/93')
    return !policy.allows({ access: right, path: next, processId: 93 })
  })
}

test('all that was seen is allowed', () => {
  fc.assert(
    fc.property(events, (seen) => {
      expect(notAllowed(seen, learn(seen))).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('all that any of several runs did is allowed', () => {
  fc.assert(
    fc.property(fc.array(events, { minLength: 1, maxLength: 3 }), (runs) => {
      expect(notAllowed(runs.flat(), mergeLearned(runs.map(learn)))).toEqual([])
    }),
    { numRuns: 100 },
  )
})

/** Names beside a name: what a pattern that is too wide would let through. */
function neighboursOf(path: string): string[] {
  const inside = path === '/' ? '/x' : `${path}/x`
  return [
    inside,
    `${path}x`,
    path.slice(0, -1),
    path.replace(/[ab]/, 'c'),
    path.replace(/[^/ab]/, 'b'),
    path.toUpperCase(),
    '/',
  ]
}

/** As the kernel's paths are. */
function isNormal(path: string): boolean {
  return (
    path === '/' ||
    (path.startsWith('/') &&
      !path
        .slice(1)
        .split('/')
        .some((name) => /^\.{0,2}$/.test(name)))
  )
}

test('what was not seen is not allowed, but for the folders on the way to what was read', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(plainPath, fc.constantFrom<TraceAccess>('read', 'write', 'exec')), { minLength: 1 }),
      (names) => {
        // None of these is an open for writing, which would be allowed to read too.
        const seen = names.map(([path, right]) =>
          access({ path, access: right, mode: right === 'exec' ? 'exec' : 'metadata' }),
        )
        const policy = compile(learn(seen))
        const known = new Set(names.map(([path, right]) => `${right} ${path}`))
        const isOnTheWay = (path: string) =>
          names.some(([name, right]) => right === 'read' && `${name}/`.startsWith(path === '/' ? '/' : `${path}/`))
        const wrong = names.flatMap(([path]) =>
          [path, ...neighboursOf(path)]
            .filter(isNormal)
            .flatMap((name) =>
              (['read', 'write', 'exec'] as const).map((right) => ({ access: right, path: name, processId: 93 })),
            )
            .filter((judged) => !known.has(`${judged.access} ${judged.path}`))
            .filter((judged) => judged.access !== 'read' || !isOnTheWay(judged.path))
            .filter((judged) => policy.allows(judged)),
        )
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})

test('addresses that were not seen are not allowed', () => {
  fc.assert(
    fc.property(fc.array(connectEvent, { maxLength: 10 }), address, (seen, other) => {
      fc.pre(!seen.some(({ path }) => path === other))
      fc.pre(!SCRATCH.some((folder) => other.startsWith(`unix:${folder}/`)))
      // A zone is not part of an address, and one address can be written in two ways.
      fc.pre(!other.includes('%') && !seen.some(({ path }) => path?.includes('%') === true))
      expect(compile(learn(seen)).allows({ access: 'connect', path: other, processId: 93 })).toBe(false)
    }),
    { numRuns: 500 },
  )
})
