/**
 * Protection: the seccomp allow-list. Each attack is made three times: under the profile, under its marker variant (an errno
 * of its own for each attack, so that seccomp and nothing else refused), and without the filter as root, where it must reach
 * the kernel.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { markerVariant, targetSeccompProfile } from '../../src/policy/seccomp.js'
import { MIB, ProbeLab, unprotected, type Weaken } from '../helpers/probe-lab.js'
import { ALLOWED_CALLS, REFUSED_CALLS } from './refused-calls.js'

const FIRST_MARKER = 3000
const PROFILE = targetSeccompProfile(process.arch)
const ROWS = REFUSED_CALLS.map((row, index) => ({ ...row, index, marker: FIRST_MARKER + index }))

/** Some names are not among the constants of Node. */
const ERRNO = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, value]): [number, string] => [value, name]),
  [94, 'ESOCKTNOSUPPORT'],
  [126, 'ENOKEY'],
])

let lab: ProbeLab
let strict: string[]
let marked: string[]
let open: string[]
let allowed: string[]
const numbers = new Map<string, number>()

async function resolve(name: string): Promise<number> {
  const known = numbers.get(name)
  if (known !== undefined) return known
  const { stdout } = await promisify(execFile)('scmp_sys_resolver', [name])
  numbers.set(name, Number(stdout))
  return Number(stdout)
}

/** `OK`, an errno's name, its number where it has none, or `SIG<n>`. */
function outcome(line: string): string {
  const [, result = '', errno = ''] = line.split(' ')
  if (result === 'signal') return `SIG${errno}`
  return result === '-1' ? (ERRNO.get(Number(errno)) ?? errno) : 'OK'
}

async function make(
  rows: readonly { readonly call: string; readonly operands: readonly (string | number)[] }[],
  options: Parameters<ProbeLab['run']>[1],
): Promise<string[]> {
  const lines = await Promise.all(
    rows.map(async ({ call, operands }) => [await resolve(call.split(' ')[0] as string), ...operands].join(',')),
  )
  const { lines: output, errors } = await lab.run(['syscalls', ...lines], options)
  expect(errors).toBe('')
  expect(output).toHaveLength(rows.length)
  return output.map(outcome)
}

beforeAll(async () => {
  lab = await ProbeLab.open()
  const markers = ROWS.map(({ call, when, marker }) => ({
    name: call.split(' ')[0] as string,
    errno: marker,
    ...(when === undefined ? {} : { args: when }),
  }))
  // One marker for each name that has no condition: unshare stands in several rows.
  const first = markers.filter(
    (marker, index) =>
      marker.args !== undefined ||
      markers.findIndex(({ name, args }) => name === marker.name && args === undefined) === index,
  )
  const markedSpec = lab.spec({}, { seccomp: markerVariant(PROFILE, first) })
  const room = lab.spec({}, {}, { memoryBytes: 128 * MIB })
  strict = await make(ROWS, {})
  marked = await make(ROWS, { spec: markedSpec })
  open = await make(ROWS, { spec: room, weaken: unprotected })
  allowed = await make(ALLOWED_CALLS, {})
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('the seccomp profile refuses', () => {
  test.each(ROWS)('$group: $call', ({ index, call, marker, reached, refusal = 'EPERM' }) => {
    expect(strict[index], 'under the profile').toBe(refusal)
    const name = call.split(' ')[0]
    const own = ROWS.find((row) => row.when === undefined && row.call.split(' ')[0] === name)?.marker ?? marker
    expect(marked[index], 'refused by seccomp itself').toBe(String(own))
    expect(reached, `without the filter: ${open[index]}`).toContain(open[index])
  })
})

describe('the seccomp profile allows', () => {
  test.each(ALLOWED_CALLS.map((row, index) => ({ ...row, index })))('$call', ({ index }) => {
    expect(allowed[index]).toBe('OK')
  })
})

describe('calls that are not native', () => {
  const noFilter: Weaken = (body) => void (body.HostConfig.SecurityOpt = ['no-new-privileges', 'seccomp=unconfined'])

  // These entries exist on this architecture alone.
  if (process.arch === 'x64')
    test('32-bit and x32 calls end with SIGSYS', async () => {
      const guarded = await lab.run(['foreign'])
      expect(guarded.lines).toEqual(['0 signal 31', '1 signal 31'])
      const bare = await lab.run(['foreign'], { weaken: noFilter })
      // int 0x80 works wherever the kernel has it; a kernel without x32 says ENOSYS.
      expect(bare.lines[0]).toMatch(/^0 (1 0|signal 11)$/)
      expect(bare.lines[1]).toMatch(/^1 (1 0|-1 38)$/)
    })

  test('a number that does not exist gives ENOSYS, as without a filter', async () => {
    const numbersOfNothing = ['9999', '1023', '600']
    const guarded = await lab.run(['syscalls', ...numbersOfNothing])
    const bare = await lab.run(['syscalls', ...numbersOfNothing], { weaken: noFilter })
    expect(guarded.lines).toEqual(numbersOfNothing.map((_, index) => `${index} -1 38`))
    expect(bare.lines).toEqual(guarded.lines)
  })
})
