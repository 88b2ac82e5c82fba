import { describe, expect, it } from 'vitest'
import { HomeError } from '../../../src/errors.js'
import { parseHomeIgnore } from '../../../src/image/home-ignore.js'

describe('.sandboxignore', () => {
  it.each<[patterns: string, ignored: string[], kept: string[]]>([
    ['node_modules', ['node_modules', 'node_modules/a/b'], ['a/node_modules', 'node_modules2']],
    ['**/node_modules', ['node_modules', 'a/b/node_modules/c'], ['a/node_modules.txt']],
    ['/build/', ['build', 'build/x'], ['a/build']],
    ['*.log', ['a.log', '.log'], ['a/b.log', 'a.log2']],
    ['**/*.log', ['a.log', 'a/b/c.log'], ['a.txt']],
    ['*/temp*', ['a/temp', 'b/temporary/x'], ['temp', 'a/b/temp']],
    ['temp?', ['tempa'], ['temp', 'tempab']],
    ['[a-c]?.[!x]', ['b1.!', 'b1.x'], ['b1.y', 'd1.x']],
    ['[^a]b', ['cb'], ['ab']],
    ['docs/**', ['docs/a', 'docs/a/b'], ['docs', 'docs2/a']],
    ['a/**/z', ['a/z', 'a/b/c/z'], ['a/b/y']],
    ['**', ['a', 'a/b'], []],
    ['*.md\n!README.md', ['a.md'], ['README.md']],
    ['*.md\n!README*.md\nREADME-secret.md', ['README-secret.md'], ['README.md']],
    ['!a\na', ['a'], []],
    ['out\n!out/keep', ['out', 'out/x'], ['out/keep', 'out/keep/y']],
    ['# a\n\n  \n./b/../c', ['c'], ['a', '# a', 'b']],
    ['a+b(c|d)$', ['a+b(c|d)$'], ['ab', 'aab']],
    ['\\*', ['*'], ['a']],
    ['constructor\n__proto__', ['constructor', '__proto__'], ['toString']],
    ['..\n../x\n.\n/', [], ['x', 'a']],
    ['Caf\u00e9', ['Caf\u00e9'], ['caf\u00e9']],
    ['a\r\nb', ['a', 'b'], []],
  ])('%j', (patterns, ignored, kept) => {
    const ignore = parseHomeIgnore(patterns)
    expect(ignored.filter((path) => !ignore.ignores(path))).toEqual([])
    expect(kept.filter((path) => ignore.ignores(path))).toEqual([])
  })

  it('knows below which folders something can be taken back', () => {
    const ignore = parseHomeIgnore('*\n!src/**/*.c\n!docs')
    expect(['src', 'src/a/b', 'docs', 'docs/x'].filter((path) => !ignore.mayTakeBackBelow(path))).toEqual([])
    expect(ignore.mayTakeBackBelow('node_modules')).toBe(false)
    expect(parseHomeIgnore('*').mayTakeBackBelow('a')).toBe(false)
  })

  it('is not slowed down by patterns made for that', () => {
    const ignore = parseHomeIgnore(`${'*a'.repeat(50)}b\n${'**/a/'.repeat(50)}b`)
    const begun = process.cpuUsage()
    ignore.ignores('a'.repeat(255))
    ignore.ignores('a/'.repeat(250) + 'c')
    expect(process.cpuUsage(begun).user).toBeLessThan(1_000_000)
  })

  it('refuses more patterns than it tries', () => {
    expect(() => parseHomeIgnore('a\n'.repeat(1001))).toThrow(HomeError)
  })
})
