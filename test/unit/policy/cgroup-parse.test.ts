import { expect, test } from 'vitest'
import { parseCgroupLimits, type CgroupTexts } from '../../../src/policy/cgroup-parse.js'

const v2: CgroupTexts = {
  version: 2,
  memoryMax: '536870912\n',
  memorySwapMax: '0\n',
  pidsMax: '256\n',
  cpuMax: '150000 100000\n',
  cpuQuota: null,
  cpuPeriod: null,
}
const v1: CgroupTexts = {
  version: 1,
  memoryMax: '536870912\n',
  memorySwapMax: '536870912\n',
  pidsMax: '256\n',
  cpuMax: null,
  cpuQuota: '150000\n',
  cpuPeriod: '100000\n',
}
const limits = { memoryBytes: 536_870_912, memoryAndSwapBytes: 536_870_912, pids: 256, cpuCount: 1.5 }

test('both versions say the same in their own way', () => {
  expect(parseCgroupLimits(v2)).toEqual(limits)
  expect(parseCgroupLimits(v1)).toEqual(limits)
})

test('version 2 counts swap by itself, also where no CPU file is there', () => {
  expect(parseCgroupLimits({ ...v2, memorySwapMax: '1024', cpuMax: null })).toEqual({
    ...limits,
    memoryAndSwapBytes: 536_871_936,
    cpuCount: null,
  })
})

test.each([
  ['version 2', { ...v2, memoryMax: 'max\n', memorySwapMax: 'max\n', pidsMax: 'max\n', cpuMax: 'max 100000\n' }],
  ['version 1', { ...v1, memoryMax: '9223372036854771712', memorySwapMax: '9223372036854771712', pidsMax: 'max' }],
])('no limit in %s is null', (_name, texts) => {
  const read = parseCgroupLimits({ ...texts, cpuQuota: texts.cpuQuota === null ? null : '-1' })
  expect(read).toEqual({ memoryBytes: null, memoryAndSwapBytes: null, pids: null, cpuCount: null })
})

test.each(['', 'x', 'NaN', '-5'])('%j is no limit', (text) => {
  expect(parseCgroupLimits({ ...v2, pidsMax: text }).pids).toBeNull()
})
