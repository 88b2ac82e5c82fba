/** Random hostile names, used by a real program under the real strace. */
import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDescriptor, readList, readString, readStruct } from '../../../../src/trace/strace/index.js'
import { callsOf, readLog, traceProgram } from '../../../unit/trace/strace/reading.js'
import { encode, names } from './printer.js'

const program = join(import.meta.dirname, '../../../unit/trace/strace/programs/hostile.pl')
const traced = 'trace=openat,unlink,ftruncate,symlink,readlink,rename,execve,connect'
const latin1 = (bytes: Buffer) => bytes.toString('latin1')
const nameIn = (arg: string | undefined) => latin1(encode(readString(arg ?? '')?.value ?? '(no string)'))

/** What can name a file: one to 200 bytes without NUL and slash. */
const fileNames = names
  .map((name) => latin1(name).replaceAll(/[\0/]/g, '').slice(0, 200))
  .filter((name) => !['', '.', '..'].includes(name))

async function readUse(used: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'hostile-'))
  try {
    const hex = used.map((name) => Buffer.from(name, 'latin1').toString('hex'))
    const log = await traceProgram(['-e', traced], ['perl', program, ...hex], folder)
    return { folder, records: readLog(log) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('the names that were used are read, no other, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fileNames, { minLength: 1, maxLength: 25 }), async (used) => {
      const { folder, records } = await readUse(used)
      expect(records.filter(({ kind }) => kind === 'unknown')).toEqual([])

      const created = callsOf(records, 'openat').filter(({ args }) => args[2]?.includes('O_CREAT'))
      expect(created.map(({ args }) => nameIn(args[1]))).toEqual(used)
      expect(created.map(({ result }) => latin1(encode(result.path ?? '')))).toEqual(
        used.map((name) => join(folder, name)),
      )
      expect(callsOf(records, 'ftruncate').map(({ args }) => readDescriptor(args[0] ?? ''))).toEqual(
        created.map(({ result }) => ({ fd: result.value, path: result.path, deleted: true })),
      )
      expect(callsOf(records, 'unlink').map(({ args }) => nameIn(args[0]))).toEqual(
        used.flatMap((name) => [name, `${name}-`]),
      )
      expect(callsOf(records, 'symlink').map(({ args }) => args.map(nameIn))).toEqual(
        used.map((name) => [name, `./${name}`]),
      )
      const links = callsOf(records, 'readlink').map(({ args }) => args.slice(0, 2).map(nameIn))
      expect(links.filter(([link]) => link?.startsWith('./'))).toEqual(used.map((name) => [`./${name}`, name]))
      expect(callsOf(records, 'rename').map(({ args }) => args.map(nameIn))).toEqual(
        used.map((name) => [name, `${name}-`]),
      )
      const execs = callsOf(records, 'execve').slice(1)
      expect(execs.map(({ args }) => [nameIn(args[0]), readList(args[1] ?? '')?.items.map(nameIn)])).toEqual(
        used.map((name) => [`./none/${name}`, [name, `${name} ${name}`]]),
      )
      const short = used.filter((name) => name.length < 100)
      const addresses = callsOf(records, 'connect').map(({ args }) => readStruct(args[1] ?? '')?.get('sun_path') ?? '')
      expect(addresses.map((path) => [path.startsWith('@'), nameIn(path.replace(/^@/, ''))])).toEqual(
        short.flatMap((name) => [
          [false, name],
          [true, name],
        ]),
      )
    }),
    { numRuns: 12 },
  )
})
