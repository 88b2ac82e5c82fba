/** Protections: what a sandbox may take of processes, memory, scratch and descriptors. The difference is a larger limit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MIB, ProbeLab } from '../helpers/probe-lab.js'

const EAGAIN = 11
const EMFILE = 24
const ENOSPC = 28
const EPERM = 1

let lab: ProbeLab
beforeAll(async () => {
  lab = await ProbeLab.open()
})
afterAll(() => lab[Symbol.asyncDispose]())

const numbers = (line: string | undefined) => (line ?? '').split(' ').map(Number)

describe('limits', () => {
  test('a fork bomb ends at pids; with more pids it goes on', async () => {
    const [count, errno] = numbers((await lab.run(['forks', '300'])).lines[0])
    expect(count).toBe(39)
    expect(errno).toBe(EAGAIN)
    const wide = await lab.run(['forks', '300'], { weaken: (body) => void (body.HostConfig.PidsLimit = 1000) })
    expect(numbers(wide.lines[0])).toEqual([300, 0])
  })

  test('memory ends at the limit and does not reach swap; with more memory it is there', async () => {
    const guarded = await lab.run(['memory', '96'])
    expect(guarded.exit.oomKilled || guarded.lines[0] === 'signal 9').toBe(true)
    const wide = await lab.run(['memory', '96'], {
      weaken: (body) => {
        body.HostConfig.Memory = 256 * MIB
        body.HostConfig.MemorySwap = 256 * MIB
      },
    })
    expect(wide.lines).toEqual(['exit 0'])
    expect(wide.exit.oomKilled).toBe(false)
  })

  test('scratch ends at its bytes', async () => {
    const [bytes, errno] = numbers((await lab.run(['fill', 'bytes', '/work', String(16 * MIB)])).lines[0])
    expect(bytes).toBe(4 * MIB)
    expect(errno).toBe(ENOSPC)
    const wide = await lab.run(['fill', 'bytes', '/work', String(16 * MIB)], {
      weaken: (body) =>
        void (body.HostConfig.Tmpfs['/work'] =
          body.HostConfig.Tmpfs['/work']?.replace(/size=\d+/, `size=${32 * MIB}`) ?? ''),
    })
    expect(numbers(wide.lines[0])).toEqual([16 * MIB, 0])
  })

  test('scratch ends at its inodes', async () => {
    const [files, errno] = numbers((await lab.run(['fill', 'inodes', '/work', '5000'])).lines[0])
    expect(files).toBe(1023)
    expect(errno).toBe(ENOSPC)
    const wide = await lab.run(['fill', 'inodes', '/work', '5000'], {
      weaken: (body) =>
        void (body.HostConfig.Tmpfs['/work'] =
          body.HostConfig.Tmpfs['/work']?.replace(/nr_inodes=\d+/, 'nr_inodes=9999') ?? ''),
    })
    expect(numbers(wide.lines[0])).toEqual([5000, 0])
  })

  test('shared memory ends at its bytes', async () => {
    const [bytes, errno] = numbers((await lab.run(['fill', 'bytes', '/dev/shm', String(16 * MIB)])).lines[0])
    expect([bytes, errno]).toEqual([MIB, ENOSPC])
    const wide = await lab.run(['fill', 'bytes', '/dev/shm', String(16 * MIB)], {
      weaken: (body) => void (body.HostConfig.ShmSize = 32 * MIB),
    })
    expect(numbers(wide.lines[0])).toEqual([16 * MIB, 0])
  })

  test('descriptors end at openFiles, core files are off, and neither can be raised', async () => {
    const { lines } = await lab.run(['descriptors', '200'])
    expect(lines).toEqual([`61 ${EMFILE}`, 'core 0', `raise ${EPERM}`])
    const wide = await lab.run(['descriptors', '200'], {
      weaken: (body) => void (body.HostConfig.Ulimits = [{ Name: 'nofile', Soft: 512, Hard: 512 }]),
    })
    expect(wide.lines[0]).toBe('200 0')
  })
})
