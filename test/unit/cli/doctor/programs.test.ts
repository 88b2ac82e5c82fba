import { describe, expect, it } from 'vitest'
import { judgePrograms } from '../../../../src/cli/doctor/programs.js'

const without =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name) ? null : `/usr/bin/${name}`

describe('programs of the host', () => {
  it('are all there', () => {
    expect(judgePrograms(without())).toMatchObject({ status: 'ok', action: null })
  })

  it('that a part needs are a warning, with the packages that have them', () => {
    expect(judgePrograms(without('strace', 'setpriv', 'prlimit'))).toEqual({
      check: 'host programs',
      status: 'warn',
      found: 'missing: strace, setpriv, prlimit',
      meaning: 'not available: tracing; git sources of builds',
      action: 'apt-get install strace util-linux',
    })
  })

  it('that every sandbox needs are a failure', () => {
    const { status, meaning } = judgePrograms(without('flock', 'mmdebstrap'))
    expect(status).toBe('fail')
    expect(meaning).toMatch(/^not available: any sandbox: .*; making the base toolchain$/)
  })
})
