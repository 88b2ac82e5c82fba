import { expect, test } from 'vitest'
import { compileGlob, parseGlob } from '../../../src/glob/index.js'

test.each<[glob: string, yes: string[], no: string[]]>([
  ['/a/*', ['/a/b', '/a/.b', '/a/b\nc'], ['/a', '/a/b/c', '/b']],
  ['/a/*/c', ['/a/b/c'], ['/a/c', '/a/b/b/c', '/a/b/c/d']],
  ['/**', ['/', '/a', '/a/.b/c', '/a\nb/c'], []],
  ['/a/**', ['/a/b', '/a/b/c'], ['/a', '/ab']],
  ['/a/**/c', ['/a/c', '/a/b/c', '/a/b/b/c', '/a/c/c'], ['/a/bc', '/ac', '/a/c/d']],
  ['/**/c', ['/c', '/a/c', '/a/b/c'], ['/bc', '/c/d']],
  ['/a/**/b/**/c', ['/a/b/c', '/a/x/b/y/z/c'], ['/a/c', '/a/xb/c']],
  ['/a?c', ['/abc', '/a.c', '/aäc', '/a😀c', '/a\udcffc'], ['/ac', '/a/c', '/abbc']],
  ['/[a-c]', ['/a', '/c'], ['/d', '/[a-c]', '/ab', '//']],
  ['/[!a-c]', ['/d', '/!'], ['/a', '//']],
  ['/[^a]', ['/b', '/^'], ['/a']],
  ['/[a^!]', ['/^', '/!', '/a'], ['/b']],
  ['/[+-9]', ['/+', '/5', '/.'], ['//']],
  ['/[a\\]-]', ['/a', '/]', '/-'], ['/b']],
  ['/[😀-😂]', ['/😁'], ['/\ud83d', '/😃']],
  ['/{a,b/c}/d', ['/a/d', '/b/c/d'], ['/b/d', '/{a,b/c}/d']],
  ['/x{,y}', ['/x', '/xy'], ['/xx']],
  ['/{a,{b,c}d}', ['/a', '/bd', '/cd'], ['/b', '/ad']],
  ['/*.{c,h}', ['/x.c', '/.h'], ['/x.o', '/x.c,']],
  ['/a(b|c)+$^"@(x)', ['/a(b|c)+$^"@(x)'], ['/ab']],
  ['/a\\?b,\\{', ['/a?b,{'], ['/axb,{']],
  ['/[.]*', ['/.x', '/.'], ['/x']],
])('%s', (glob, yes, no) => {
  const matches = compileGlob(parseGlob(glob))
  for (const path of yes) expect([path, matches(path)]).toEqual([path, true])
  for (const path of no) expect([path, matches(path)]).toEqual([path, false])
})

// Of a text behind the last asterisk the end alone would be looked at.
test.each(['/*a*b*a*[xy]', '/**/*a*a*a*a*a*a*[xy]', '/**/ab/**/ab/**/[xy]', `/${'{a,b}'.repeat(200)}[xy]`])(
  '%s does not backtrack',
  (glob) => {
    const begun = process.cpuUsage()
    const matches = compileGlob(parseGlob(glob))
    expect(matches(`/${'ab.'.repeat(1360)}c-`)).toBe(false)
    expect(matches(`${'/ab'.repeat(1360)}/c-`)).toBe(false)
    expect(process.cpuUsage(begun).user).toBeLessThan(1_000_000)
  },
)
