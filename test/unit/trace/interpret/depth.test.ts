/** What a guest can make the host follow: each call costs little, however deep it goes and however often it moves. */
import { describe, expect, test } from 'vitest'
import { COMMAND, interpret } from './interpret-lines.js'

const name = 'd'.repeat(200)
const pathOf = (lines: readonly string[]) => interpret([...COMMAND, ...lines]).accesses.at(-1)?.path

describe('a working directory', () => {
  test('that is deeper than any path is not followed, and costs no more than others', () => {
    const lines = Array.from({ length: 20_000 }, () => `11 chdir("${name}") = 0`)
    const started = performance.now()
    expect(pathOf([...lines, '11 unlink("a") = 0'])).toBeNull()
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('that was lost is found again where strace tells it', () => {
    const lines = Array.from({ length: 100 }, () => `11 chdir("${name}") = 0`)
    const told = '11 newfstatat(AT_FDCWD</tmp>, "a", 0x7ff, 0) = 0'
    expect(pathOf([...lines, told, '11 unlink("a") = 0'])).toBe('/tmp/a')
  })

  test('as deep as a path can be is followed', () => {
    const lines = Array.from({ length: 20 }, () => `11 chdir("${name}") = 0`)
    expect(pathOf([...lines, '11 unlink("a") = 0'])).toBe(`/work${`/${name}`.repeat(20)}/a`)
  })

  test('that moves without end while its maker is not certain is not remembered without end', () => {
    const lines = [
      '11 vfork() = 20',
      '20 chdir("/tmp") = 0',
      '11 vfork( <unfinished ...>',
      '20 vfork( <unfinished ...>',
      ...Array.from({ length: 50_000 }, () => '30 chdir(".") = 0'),
    ]
    const started = performance.now()
    expect(pathOf([...lines, '30 unlink("a") = 0'])).toBeNull()
    expect(performance.now() - started).toBeLessThan(5_000)
    // Whose child it was does not tell where it went.
    expect(pathOf([...lines, '11 <... vfork resumed>) = 30', '30 unlink("a") = 0'])).toBeNull()
  })

  test('to which a descriptor without a name led is not the one of who turns out to have made it', () => {
    const lines = ['11 vfork( <unfinished ...>', '30 fchdir(7) = 0', '11 <... vfork resumed>) = 30']
    expect(pathOf([...lines, '30 unlink("a") = 0'])).toBeNull()
  })
})
