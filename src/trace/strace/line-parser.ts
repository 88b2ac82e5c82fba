/**
 * Reads one line of `strace -f -ttt -y -o FILE`, version 6.1.
 *
 * Theory: only strace writes newlines, so each line is strace's own, and it says at its start what it is. Within a line of a
 * call the scanner knows what is strace's and what the guest wrote; ` <unfinished ...>` and its kin are looked for at the
 * very end only, where a guest's text would be followed by a quote or an angle bracket.
 */
import { readStruct } from './arguments.js'
import { parseDeath } from './death.js'
import type { CallRecord, ExitRecord, NoteRecord, SignalRecord, SupersededRecord, UnknownRecord } from './record.js'
import { neverReturned, parseResult } from './result.js'
import { scanItems } from './scanner.js'

/** A call whose line broke off because another line came between, and how. */
export interface BegunLine {
  readonly kind: 'begun'
  readonly pid: number
  readonly timeMs: number
  readonly name: string
  readonly args: readonly string[]
  /** From the name to where it broke off: {@link ResumedLine}'s `rest` goes on there. */
  readonly text: string
  /** strace let go of the thread: nothing follows. */
  readonly detached: boolean
}

/** The rest of a call that was begun before. */
export interface ResumedLine {
  readonly kind: 'resumed'
  readonly pid: number
  readonly timeMs: number
  readonly name: string
  readonly rest: string
  /** The whole line, for when it fits nothing. */
  readonly line: string
}

/** What a line says. */
export type ParsedLine =
  CallRecord | BegunLine | ResumedLine | ExitRecord | SupersededRecord | SignalRecord | NoteRecord | UnknownRecord

const space = 0x20
const unfinished = ' <unfinished ...>'
const detached = ' <detached ...>'
const diedInCall = `${unfinished}) = ?`
const maxUnknownText = 1000

/** Names of calls come again and again: one string for all of them, which holds no line. */
const names = new Map<string, string>()
const maxNames = 1000

/** A line that is not understood. */
export function unknownLine(text: string): UnknownRecord {
  return { kind: 'unknown', text: text.slice(0, maxUnknownText) }
}

/** @param line Without its newline, one character for each byte. */
export function parseLine(line: string): ParsedLine {
  const pidEnd = endOfDigits(line, 0)
  let secondsFrom = pidEnd
  while (line.charCodeAt(secondsFrom) === space) secondsFrom++
  const pointAt = endOfDigits(line, secondsFrom)
  const from = pointAt + 8
  const leads =
    pidEnd > 0 && pidEnd <= 10 && secondsFrom > pidEnd && pointAt > secondsFrom && pointAt < secondsFrom + 13
  if (!leads || line.charCodeAt(pointAt) !== 0x2e) return withoutLeader(line)
  if (endOfDigits(line, pointAt + 1) !== from - 1 || line.charCodeAt(from - 1) !== space) return unknownLine(line)
  const pid = decimal(line, 0, pidEnd)
  const timeMs = decimal(line, secondsFrom, pointAt) * 1000 + decimal(line, pointAt + 1, from - 1) / 1000
  return parseEvent(line, from, pid, timeMs) ?? unknownLine(line)
}

/** Parses `name(args) = result` from the beginning to the end of `text`; joined halves too. */
export function parseCall(text: string, from: number, pid: number, timeMs: number): CallRecord | BegunLine | null {
  const opening = text.indexOf('(', from)
  const name = opening < 0 ? null : nameOf(text, from, opening)
  if (name === null) return null
  const cutAt = endOfBegun(text)
  const args: string[] = []
  if (cutAt >= 0) {
    if (scanItems(text, opening + 1, cutAt, args) !== cutAt) return null
    const isDetached = text.endsWith(detached)
    return { kind: 'begun', pid, timeMs, name, args, text: text.slice(from, cutAt), detached: isDetached }
  }
  if (text.endsWith(diedInCall)) {
    const end = text.length - diedInCall.length
    if (scanItems(text, opening + 1, end, args) !== end) return null
    return { kind: 'call', pid, timeMs, name, args, result: neverReturned }
  }
  let end = scanItems(text, opening + 1, text.length, args) + 1
  if (text.charCodeAt(end - 1) !== 0x29 || text.charCodeAt(end) !== space) return null
  while (text.charCodeAt(end) === space) end++
  if (text.charCodeAt(end) !== 0x3d || text.charCodeAt(end + 1) !== space) return null
  const result = parseResult(text, end + 2)
  return result === null ? null : { kind: 'call', pid, timeMs, name, args, result }
}

function parseEvent(line: string, from: number, pid: number, timeMs: number): ParsedLine | null {
  switch (line.charCodeAt(from)) {
    case 0x2b:
      return parseDeath(line.slice(from), pid, timeMs)
    case 0x2d:
      return parseSignal(line.slice(from), pid, timeMs)
    case 0x5b:
      return parseNote(line.slice(from), pid, timeMs)
    case 0x3c:
      return parseResumed(line, from, pid, timeMs)
    default:
      return parseCall(line, from, pid, timeMs)
  }
}

/** @returns Where ` <unfinished ...>` or its kin begins; -1 when the line has none. */
function endOfBegun(text: string): number {
  if (text.charCodeAt(text.length - 1) !== 0x3e || !text.endsWith(' ...>')) return -1
  if (text.endsWith(unfinished)) return text.length - unfinished.length
  if (text.endsWith(detached)) return text.length - detached.length
  return text.slice(-40).search(/ <pid changed to \d+ \.\.\.>$/) < 0 ? -1 : text.lastIndexOf(' <')
}

function parseResumed(line: string, from: number, pid: number, timeMs: number): ResumedLine | null {
  const prefix = '<... '
  const nameEnd = line.indexOf(' resumed>', from)
  if (nameEnd < 0 || !line.startsWith(prefix, from)) return null
  const name = nameOf(line, from + prefix.length, nameEnd)
  const rest = line.slice(nameEnd + ' resumed>'.length)
  return name === null ? null : { kind: 'resumed', pid, timeMs, name, rest, line }
}

function parseSignal(text: string, pid: number, timeMs: number): SignalRecord | NoteRecord | null {
  if (/^--- stopped by \w+ ---$/.test(text)) return { kind: 'note', pid, timeMs, text }
  const signal = /^--- (\w+) (?=\{)/.exec(text)
  if (signal?.[1] === undefined || !text.endsWith('} ---')) return null
  const fields = readStruct(text.slice(signal[0].length, -' ---'.length))
  return fields === null ? null : { kind: 'signal', pid, timeMs, signal: signal[1], fields }
}

function parseNote(text: string, pid: number, timeMs: number): NoteRecord | null {
  return /^\[ Process PID=\d+ runs in \w+(?: bit)? mode\. \]$/.test(text) ? { kind: 'note', pid, timeMs, text } : null
}

function withoutLeader(line: string): NoteRecord | UnknownRecord {
  const isNote = /^strace: Process \d+ (?:attached|detached)$/.test(line)
  return isNote ? { kind: 'note', pid: null, timeMs: null, text: line } : unknownLine(line)
}

function nameOf(text: string, from: number, to: number): string | null {
  const name = text.slice(from, to)
  const known = names.get(name)
  if (known !== undefined) return known
  if (!/^(?:\w{1,64}|\?\?\?)$/.test(name)) return null
  const own = Buffer.from(name, 'latin1').toString('latin1')
  if (names.size < maxNames) names.set(own, own)
  return own
}

function endOfDigits(text: string, from: number): number {
  let end = from
  while (isDigit(text.charCodeAt(end))) end++
  return end
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

function decimal(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 0x30
  return value
}
