import { readFileSync, readlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCgroup, parseLimits, parseMountinfo, parseNetDev, parseStatus } from '../../../src/policy/proc-parse.js'

const STATUS = `Name:\tnode\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 11 \nTracerPid:\t12\nNSpid:\t9\t1
CapInh:\t0000000000000001\nCapPrm:\t0000000000000002\nCapEff:\t0000000000000003\nCapBnd:\t0000000000000004
CapAmb:\t0000000000000005\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n`

describe('status', () => {
  it('is read whole', () => {
    expect(parseStatus(STATUS, 9, 10)).toEqual({
      ...{ pid: 9, tid: 10, name: 'node', uids: [1, 2, 3, 4], gids: [5, 6, 7, 8], groups: [10, 11] },
      ...{ tracerPid: 12, seccompMode: 2, noNewPrivs: true },
      capabilities: {
        inheritable: '0000000000000001',
        permitted: '0000000000000002',
        effective: '0000000000000003',
        bounding: '0000000000000004',
        ambient: '0000000000000005',
      },
    })
  })

  it.each(['Uid', 'Groups', 'CapBnd', 'Seccomp'])('without %s is refused', (name) => {
    const text = STATUS.replace(new RegExp(`^${name}:.*\n`, 'm'), '')
    expect(() => parseStatus(text, 9, 10)).toThrow(SyntaxError)
  })

  it('without a field that only Linux has says that it is not known', () => {
    const status = parseStatus(STATUS.replace(/^(?:CapAmb|NoNewPrivs):.*\n/gm, ''), 9, 10)
    expect([status.noNewPrivs, status.capabilities.ambient]).toEqual([null, null])
  })

  it('with a name that looks like a field is not fooled: the kernel escapes newlines', () => {
    expect(parseStatus(STATUS.replace('node', 'x\\nSeccomp:\t0'), 9, 10).seccompMode).toBe(2)
  })

  it('of this process agrees with node', () => {
    const status = parseStatus(readFileSync('/proc/self/status', 'utf8'), process.pid, process.pid)
    expect(status.uids[0]).toBe(process.getuid?.())
    expect(status.gids[1]).toBe(process.getegid?.())
  })
})

describe('mountinfo', () => {
  it('is read with and without optional fields', () => {
    const text =
      '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n' +
      '37 36 0:5 / /a\\040b\\134c ro,nosuid - tmpfs tmpfs rw,size=64k\n'
    expect(parseMountinfo(text)).toEqual([
      {
        target: '/mnt2',
        type: 'ext3',
        source: '/dev/root',
        options: ['rw', 'noatime'],
        superOptions: ['rw', 'errors=continue'],
      },
      {
        target: '/a b\\c',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['ro', 'nosuid'],
        superOptions: ['rw', 'size=64k'],
      },
    ])
  })

  it('takes a mount whose source is a dash', () => {
    const [entry] = parseMountinfo('1 2 0:5 / /x rw - tmpfs - rw\n')
    expect(entry).toMatchObject({ target: '/x', type: 'tmpfs', source: '-' })
  })

  it.each(['x', '1 2 0:5 / /x rw tmpfs tmpfs rw', '1 2 0:5 / /x rw -'])('%j is refused', (line) => {
    expect(() => parseMountinfo(line)).toThrow(SyntaxError)
  })

  it('of this process has a root', () => {
    expect(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ target }) => target === '/')).toBe(true)
  })
})

describe('limits', () => {
  it('of this process are read', () => {
    const limits = parseLimits(readFileSync('/proc/self/limits', 'utf8'))
    expect(Object.keys(limits)).toContain('Max open files')
    expect(Object.keys(limits)).toContain('Max nice priority')
    expect(limits['Max cpu time']).toEqual({ soft: null, hard: null })
    expect(limits['Max open files']?.hard).toBeGreaterThan(0)
  })

  it('that are no limits are refused', () => {
    expect(() => parseLimits('Limit Soft Hard\nMax open files many few\n')).toThrow(SyntaxError)
  })
})

it('net/dev gives the interfaces', () => {
  const text = 'Inter-|   Receive\n face |bytes\n    lo: 1 2 3\neth0:9 9\n'
  expect(parseNetDev(text)).toEqual(['lo', 'eth0'])
  expect(parseNetDev(readFileSync('/proc/self/net/dev', 'utf8'))).toContain('lo')
})

it('cgroup gives each hierarchy', () => {
  expect(parseCgroup('4:memory:/docker/a\n2:cpu,cpuacct:/docker/b:c\n0::/unified\n')).toEqual([
    { controllers: ['memory'], path: '/docker/a' },
    { controllers: ['cpu', 'cpuacct'], path: '/docker/b:c' },
    { controllers: [], path: '/unified' },
  ])
  expect(readlinkSync('/proc/self/ns/pid')).toMatch(/^pid:\[\d+\]$/)
})
