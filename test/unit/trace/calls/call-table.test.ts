import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { NEWER_CALLS, TRACED_CALLS, TRACE_SET, tracedCall } from '../../../../src/trace/calls/index.js'

const run = promisify(execFile)
const header = (name: string) => readFile(new URL(`../../../../images/runner/init/${name}`, import.meta.url), 'utf8')

describe('the table of calls', () => {
  test('is sorted and has a row for each name', () => {
    expect(TRACED_CALLS).toEqual([...TRACED_CALLS].sort())
    for (const name of [...TRACED_CALLS, ...NEWER_CALLS.keys()]) expect(tracedCall(name), name).toBeDefined()
    expect(tracedCall('fstat')).toBeUndefined()
    expect(tracedCall('constructor')).toBeUndefined()
  })

  test('is what the header of init lists, each only where the architecture has it', async () => {
    const entries = TRACED_CALLS.map((name) => `#ifdef __NR_${name}\n    __NR_${name},\n#endif\n`).join('')
    expect((await header('traced-calls.h')).replace(/^\/\*[^]*?\*\/\n/, '')).toBe(entries)
  })

  test('lists newer calls in their own header', async () => {
    const entries = [...NEWER_CALLS].map(([name, number]) => `    ${number}, /* ${name} */\n`).join('')
    expect((await header('newer-calls.h')).replace(/^\/\*[^]*?\*\/\n/, '')).toBe(entries)
  })

  test('is a set that strace takes', async () => {
    await run('strace', ['-o', '/dev/null', '-e', `trace=${TRACE_SET}`, 'true'])
    // Without the `?` strace refuses a name that it does not know: no name here is misspelt.
    await run('strace', ['-o', '/dev/null', '-e', `trace=${TRACED_CALLS.join(',')}`, 'true'])
  })

  test('knows a newer call by the number that an old strace prints', () => {
    expect(tracedCall('syscall_0x1c4')).toBe(tracedCall('fchmodat2'))
  })
})
