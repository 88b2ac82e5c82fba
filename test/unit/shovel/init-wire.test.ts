import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AnswerDecoder,
  encodeOpened,
  encodeSignal,
  encodeSpawn,
  type InitAnswer,
} from '../../../src/shovel/init-wire.ts'

const started = Buffer.from('0d00000001070000002a0000002b000000', 'hex')
const failed = Buffer.from('0a00000002080000000200000003', 'hex')
const exited = Buffer.from('22000000030700000000030000e8030000000000000020000000000000020000000105000000', 'hex')

const answers: InitAnswer[] = [
  { op: 'started', id: 7, pid: 42, broker: 43 },
  { op: 'failed', id: 8, errno: 2, stage: 'exec' },
  {
    op: 'exited',
    id: 7,
    waitStatus: 0x300,
    cpuMicros: 1000,
    maxRssBytes: 8192,
    leftovers: 2,
    cause: 'cpuTime',
    oomKills: 5,
  },
]

test('answers are decoded wherever the bytes are cut', () => {
  const bytes = Buffer.concat([started, failed, exited])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
      const decoded: InitAnswer[] = []
      const decoder = new AnswerDecoder((answer) => decoded.push(answer))
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      edges.slice(1).forEach((edge, index) => decoder.push(bytes.subarray(edges[index], edge)))
      expect(decoded).toEqual(answers)
    }),
  )
})

test('requests have the form that init reads', () => {
  expect(encodeOpened(7).toString('hex')).toBe('050000000207000000')
  expect(encodeSignal(7, 9, 'tree').toString('hex')).toBe('0700000003070000000902')
  const spawn = encodeSpawn({
    id: 1,
    cpuTimeMs: 500,
    pipes: [
      { childFd: 0, childReads: true },
      { childFd: 1, childReads: false },
    ],
    file: 'ls',
    argv: ['ls', ''],
    env: { A: 'b' },
    cwd: '/',
  })
  const parts = [
    '01',
    '01000000',
    'f401000000000000',
    '02',
    '0000',
    '0101',
    '02000000',
    '6c730000',
    '01000000',
    '413d6200',
    '2f00',
    '6c7300',
  ]
  const body = parts.join('')
  expect(spawn.toString('hex')).toBe(`${Buffer.from([body.length / 2, 0, 0, 0]).toString('hex')}${body}`)
})

test('an answer of an unknown form is an error', () => {
  expect(() => new AnswerDecoder(() => undefined).push(Buffer.from('050000000900000000', 'hex'))).toThrow(
    'unknown answer',
  )
  expect(() => new AnswerDecoder(() => undefined).push(Buffer.from('ffff0000', 'hex'))).toThrow('65535 bytes')
})
