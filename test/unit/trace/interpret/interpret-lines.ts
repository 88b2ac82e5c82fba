/** Gives lines of strace to an interpreter. */
import type { AccessEvent, TraceAccess, TraceEvent } from '../../../../src/trace/event.js'
import { TraceInterpreter, type TraceInterpreterOptions } from '../../../../src/trace/interpret/index.js'
import type { TracePolicy } from '../../../../src/trace/policy.js'
import { TraceReader } from '../../../../src/trace/strace/index.js'

/** init makes supervisor 10, which names command 7 and makes 11, which becomes `sh`, in the folder `/work`. */
export const COMMAND = [
  '1 fork() = 10',
  '10 access("/.sandbox/command/7", F_OK) = -1 ENOENT (No such file or directory)',
  '10 fork() = 11',
  '11 chdir("/work") = 0',
  '11 execve("/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0',
]

/** What was told. */
export interface Told {
  readonly events: readonly TraceEvent[]
  readonly accesses: readonly AccessEvent[]
  readonly commands: readonly string[]
  readonly interpreter: TraceInterpreter
}

/** @param lines - without the time: each gets one, a millisecond after the other */
export function interpret(lines: readonly string[], options: Partial<TraceInterpreterOptions> = {}): Told {
  const events: TraceEvent[] = []
  const commands: string[] = []
  const interpreter = new TraceInterpreter({
    policy: null,
    onEvent: (event) => events.push(event),
    onCommand: (id, pid) => commands.push(`${id} by ${pid}`),
    onCommandEnd: (id) => commands.push(`${id} ended`),
    ...options,
  })
  const reader = new TraceReader({ onRecord: (record) => interpreter.accept(record) })
  const text = lines.map((line, at) => `${line.replace(' ', ` ${(1795000000 + at / 1000).toFixed(6)} `)}\n`)
  reader.push(Buffer.from(text.join('')))
  return { events, commands, interpreter, accesses: events.filter((event) => event.kind === 'access') }
}

/** The events of one call that `sh` makes in `/work`, those before left out. */
export function interpretCall(call: string, options: Partial<TraceInterpreterOptions> = {}): readonly TraceEvent[] {
  const before = interpret(COMMAND, options).events.length
  return interpret([...COMMAND, `11 ${call}`], options).events.slice(before)
}

/** `mode access path` and what is not usual about it, for each name of a call. */
export function summarizeCall(call: string): readonly string[] {
  return interpretCall(call).map((event) => {
    if (event.kind !== 'access') return event.kind
    const resolved = event.resolution === 'descriptor' ? ' by descriptor' : ''
    return `${event.mode} ${event.access} ${event.path ?? '?'}${resolved}`
  })
}

/** Allows what begins with one of the given paths. */
export function policyOf(allowed: Partial<Record<TraceAccess, readonly string[]>>): TracePolicy {
  return { allows: ({ access, path }) => allowed[access]?.some((prefix) => path.startsWith(prefix)) === true }
}
