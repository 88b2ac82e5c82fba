/** Reads the lines in `+++`: the ends of threads. */
import type { ExitRecord, SupersededRecord } from './record.js'

const gluedTail = / +\d{1,12}\.\d{6} \+\+\+ superseded by execve in pid \d{1,10} \+\+\+$/

/** @param text From the `+++` on. */
export function parseDeath(text: string, pid: number, timeMs: number): ExitRecord | SupersededRecord | null {
  const exited = /^\+\+\+ exited with (\d{1,3}) \+\+\+$/.exec(text)
  if (exited !== null) return { kind: 'exit', pid, timeMs, exitCode: Number(exited[1]), signal: null }
  const killed = /^\+\+\+ killed by (\w+) (?:\(core dumped\) )?\+\+\+$/.exec(text)
  if (killed?.[1] !== undefined) return { kind: 'exit', pid, timeMs, exitCode: null, signal: killed[1] }
  const superseded = /^\+\+\+ superseded by execve in pid (\d{1,10}) \+\+\+$/.exec(text)
  return superseded === null ? null : { kind: 'superseded', pid, timeMs, by: Number(superseded[1]) }
}

/**
 * strace forgets a newline when a leader is superseded while its own line is open (`maybe_switch_tcbs` in its strace.c):
 * `12 1.000000 ???(12 1.000001 +++ superseded by execve in pid 13 +++`. A guest gets there with a threaded execve in a loop.
 *
 * @returns Where the second line begins, which starts with the same pid; -1 when it is not such a line. What stands before it
 * must then be read as unfinished: text of a guest that only looks like this leaves a quote open, and is not understood.
 */
export function findGluedLine(line: string): number {
  if (!line.endsWith(' +++')) return -1
  const tailFrom = Math.max(0, line.length - 100)
  const tailAt = line.slice(tailFrom).search(gluedTail)
  const pid = /^\d+/.exec(line)?.[0]
  if (tailAt < 0 || pid === undefined || !line.startsWith(pid, tailFrom + tailAt - pid.length)) return -1
  return Math.max(tailFrom + tailAt - pid.length, 0) || -1
}
