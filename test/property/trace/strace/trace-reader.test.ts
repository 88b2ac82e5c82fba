import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TraceReader, type TraceRecord } from '../../../../src/trace/strace/index.js'
import { cut } from '../../../helpers/wire.js'
import { steps, writeLog } from './log-model.js'
import { bracketed, encode, names, quoted } from './printer.js'

function read(chunks: readonly Buffer[]) {
  const records: TraceRecord[] = []
  const reader = new TraceReader({ onRecord: (record) => records.push(record) })
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return { records, lines: reader.lines, unknown: reader.unknown }
}

test('random logs of threads, cut anywhere, give the records that they were made of', () => {
  fc.assert(
    fc.property(steps, fc.array(fc.nat(20_000), { maxLength: 20 }), (list, offsets) => {
      const { lines, records } = writeLog(list)
      const log = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')
      expect(read(cut(log, offsets))).toEqual({ records, lines: lines.length, unknown: 0 })
    }),
    { numRuns: 1500 },
  )
})

test('a name forges no event, and the result keeps its path', () => {
  fc.assert(
    fc.property(names, names, (name, folder) => {
      const line = `7 1.000001 openat(AT_FDCWD${bracketed(folder)}, ${quoted(name)}, O_RDONLY) = 3${bracketed(name)}\n`
      const { records } = read([Buffer.from(line, 'latin1')])
      expect(records).toHaveLength(1)
      const call = records[0]
      if (call?.kind !== 'call') throw new Error(`no call: ${line}`)
      expect(call.args).toEqual([`AT_FDCWD${bracketed(folder)}`, quoted(name), 'O_RDONLY'])
      expect(encode(call.result.path ?? 'none')).toEqual(name)
    }),
    { numRuns: 2000 },
  )
})

test('lines that are cut short give no call that was not there', () => {
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (list, part) => {
      const { lines, records } = writeLog(list.map((step) => ({ ...step, breakAt: null })))
      const log = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')
      const short = read([log.subarray(0, Math.floor(log.length * part))])
      const whole = short.records.filter(({ kind }) => kind !== 'unknown')
      expect(whole).toEqual(records.slice(0, whole.length))
      expect(short.unknown).toBeLessThanOrEqual(1)
    }),
  )
})

test('garbage is never thrown at anybody: each line is counted as not understood', () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: fc.constantFrom(...'("<>)[]{}/*\' ,=?+-.0123456789ab\\') }).map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 10 }), (list) => {
      const lines = list.map((bytes) => `x${bytes.toString('latin1').replaceAll('\n', '')}`)
      const result = read([Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')])
      expect(result.records).toEqual(lines.map((text) => ({ kind: 'unknown', text })))
      expect(result).toMatchObject({ lines: lines.length, unknown: lines.length })
    }),
    { numRuns: 1000 },
  )
})

test('whatever stands behind a pid and a time, it is told', () => {
  const words = [
    'a(',
    ')',
    ' = ',
    '0',
    '<... a resumed>',
    ' <unfinished ...>',
    '+++ ',
    'exited with 0',
    ' +++',
    '--- ',
    '{',
    '}',
    '"',
  ]
  const more = [
    '???(',
    '7 1.000002 ',
    'superseded by execve in pid 8',
    'SIGHUP ',
    '[ Process',
    ' <detached ...>',
    '\\',
    '<',
    '>',
    '/*',
    '*/',
  ]
  const text = fc.array(fc.constantFrom(...words, ...more), { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 10 }), (texts) => {
      const result = read([Buffer.from(texts.map((line) => `7 1.000001 ${line}\n`).join(''))])
      expect(result.lines).toBe(texts.length)
      expect(result.records.length).toBeGreaterThanOrEqual(texts.length)
    }),
    { numRuns: 5000 },
  )
})
