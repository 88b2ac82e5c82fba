/** The tracer's own filter: root with two capabilities must not reach further than strace does. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tracerSeccompProfile } from '../../src/policy/seccomp.js'
import { ProbeLab, type Weaken } from '../helpers/probe-lab.js'

const isArm = process.arch === 'arm64'
/** A call, and whether the kernel answers it otherwise than by EPERM where no filter is in the way. */
const CALLS: readonly (readonly [string, string])[] = [
  ['open_by_handle_at', `${isArm ? 265 : 304},-100,@8,0`],
  ['process_vm_writev', `${isArm ? 271 : 311},pid,0,0,0,0,0`],
  ['socket', `${isArm ? 198 : 41},1,1,0`],
  ['unlink', isArm ? '35,-100,"/nowhere,0' : '87,"/nowhere'],
  ['userns', `${isArm ? 97 : 272},0`],
  ['clone(CLONE_NEWUSER)', `${isArm ? 220 : 56},0x10000011,0,0,0,0`],
  ['memfd_create', `${isArm ? 279 : 319},"x,0`],
]
const EPERM = 1

let lab: ProbeLab
beforeAll(async () => {
  lab = await ProbeLab.open()
})
afterAll(() => lab[Symbol.asyncDispose]())

async function errnos(weaken?: Weaken): Promise<(number | undefined)[]> {
  const spec = {
    ...lab.spec({}, { seccomp: tracerSeccompProfile(process.arch) }),
    uid: 0,
    gid: 0,
    capabilities: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'] as const,
  }
  const { lines } = await lab.run(['syscalls', ...CALLS.map(([, call]) => call)], { spec, weaken })
  return lines.map((line) => Number(line.split(' ')[2]))
}

test('refuses what strace does not need', async () => {
  expect(await errnos()).toEqual(CALLS.map(() => EPERM))
})

test('and nothing else refuses it', async () => {
  const found = await errnos((body) => {
    body.HostConfig.SecurityOpt = ['no-new-privileges', 'seccomp=unconfined']
  })
  expect(found).toHaveLength(CALLS.length)
  expect(CALLS.map(([name]) => name).filter((_, index) => found[index] === EPERM)).toEqual([])
})
