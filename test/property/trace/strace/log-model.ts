/** Random logs of strace, and the records that they stand for. */
import fc from 'fast-check'
import type { TraceRecord } from '../../../../src/trace/strace/index.js'
import { bracketed, names, quoted } from './printer.js'

/** A call, its arguments in the order in which they are printed. */
export interface ModelCall {
  readonly name: string
  readonly args: readonly string[]
  readonly result: readonly [text: string, value: number | null, errno: string | null]
}

/** One thing that happens: a thread goes on, and how. */
export interface ModelStep {
  readonly thread: number
  readonly call: ModelCall
  /** Where a call breaks off: in this argument, or nowhere. */
  readonly breakAt: number | null
  readonly action: 'call' | 'signal' | 'exit'
}

const values = fc.oneof(
  names.map(quoted),
  names.map((name) => `${quoted(name)}...`),
  names.map((name) => `3${bracketed(name)}`),
  names.map((name) => `AT_FDCWD${bracketed(name)}(deleted)`),
  fc.tuple(names, names).map(([a, b]) => `{sa_family=AF_UNIX, sun_path=@${quoted(a)}, fd=4${bracketed(b)}, ...}`),
  fc.array(names, { maxLength: 4 }).map((list) => `[${list.map(quoted).join(', ')}]`),
  fc.constantFrom(
    'NULL',
    'O_RDONLY|O_CLOEXEC',
    '0x7ffd /* 3 vars */',
    '-1',
    '~[RTMIN RT_1]',
    '1<<CAP_CHOWN',
    '[4 => 2]',
  ),
  fc.constantFrom(
    '{ax25_call="\\x22"} /* "<({[\' */',
    'makedev(0x1, 0x3)',
    "'\"'",
    "'\\''",
    '<... resuming interrupted x ...>',
  ),
)

const results = fc.constantFrom<ModelCall['result'][]>(
  ['0', 0, null],
  ['-1 ENOENT (No such file or directory)', -1, 'ENOENT'],
  ['? ERESTARTSYS (To be restarted if SA_RESTART is set)', null, 'ERESTARTSYS'],
  ['?', null, null],
  ['0x7f03671e7000', 0x7f03671e7000, null],
  ['5 (Timeout)', 5, null],
)

const calls: fc.Arbitrary<ModelCall> = fc.record({
  name: fc.constantFrom('openat', 'execve', 'read', '???', 'syscall_0x1ff', 'clone3'),
  args: fc.array(values, { maxLength: 5 }),
  result: results,
})

/** What a few threads do, in any order. */
export const steps: fc.Arbitrary<readonly ModelStep[]> = fc.array(
  fc.record({
    thread: fc.integer({ min: 1, max: 5 }),
    call: calls,
    breakAt: fc.option(fc.nat(5)),
    action: fc.constantFrom('call', 'call', 'call', 'call', 'signal', 'exit'),
  }),
  { maxLength: 30 },
)

interface OpenCall {
  readonly call: ModelCall
  readonly timeMs: number
  readonly begun: number
}

/** Writes the log of the steps, and says what it means. */
export function writeLog(list: readonly ModelStep[]): { lines: string[]; records: TraceRecord[] } {
  const lines: string[] = []
  const records: TraceRecord[] = []
  const open = new Map<number, OpenCall>()
  for (const [index, { thread: pid, call, breakAt, action }] of list.entries()) {
    const leader = `${String(pid).padEnd(5)} 1795359837.${String(index).padStart(6, '0')} `
    const timeMs = 1795359837000 + index / 1000
    const begun = open.get(pid)
    if (action === 'exit') {
      lines.push(`${leader}+++ exited with 3 +++`)
      if (begun !== undefined) records.push(endedCall(pid, begun, begun.call.args.slice(0, begun.begun), null))
      records.push({ kind: 'exit', pid, timeMs, exitCode: 3, signal: null })
      open.delete(pid)
    } else if (begun !== undefined) {
      const { name, args, result } = begun.call
      const rest = args.slice(begun.begun).join(', ')
      lines.push(`${leader}<... ${name} resumed>${rest}) = ${result[0]}`)
      records.push(endedCall(pid, begun, args, result))
      open.delete(pid)
    } else if (action === 'signal') {
      lines.push(`${leader}--- SIGHUP {si_signo=SIGHUP, si_pid=${index}} ---`)
      const fields = new Map([
        ['si_signo', 'SIGHUP'],
        ['si_pid', `${index}`],
      ] as const)
      records.push({ kind: 'signal', pid, timeMs, signal: 'SIGHUP', fields })
    } else if (breakAt === null) {
      lines.push(`${leader}${call.name}(${call.args.join(', ')}) = ${call.result[0]}`)
      records.push(endedCall(pid, { call, timeMs, begun: 0 }, call.args, call.result))
    } else {
      const printed = call.args.slice(0, breakAt)
      const comma = printed.length > 0 && printed.length < call.args.length ? ', ' : ''
      lines.push(`${leader}${call.name}(${printed.join(', ')}${comma} <unfinished ...>`)
      records.push({ kind: 'entered', pid, timeMs, name: call.name, args: printed })
      open.set(pid, { call, timeMs, begun: printed.length })
    }
  }
  for (const [pid, begun] of open) records.push(endedCall(pid, begun, begun.call.args.slice(0, begun.begun), null))
  return { lines, records }
}

function endedCall(
  pid: number,
  { call, timeMs }: OpenCall,
  args: readonly string[],
  result: ModelCall['result'] | null,
): TraceRecord {
  const end = { value: result?.[1] ?? null, errno: result?.[2] ?? null, path: null, deleted: false }
  return { kind: 'call', pid, timeMs, name: call.name, args, result: end }
}
