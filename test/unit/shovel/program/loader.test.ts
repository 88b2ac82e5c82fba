import { expect, test } from 'vitest'
import { LocalProgram } from '../../../helpers/local-program.ts'

test.each([
  ['a syntax error', 'const a = 1\nconst = 2\n', 'syntax', /^guest\.js:2\n[\s\S]*SyntaxError: /],
  [
    'a throw',
    'const a = 1\nthrow new RangeError("no " + a)\n',
    'throw',
    /^RangeError: no 1\n\s+at [^\n]*guest\.js:2:7\)$/,
  ],
  [
    'a throw in a function',
    'function f() {\n  null.x\n}\nf()',
    'throw',
    /TypeError: [^\n]*\n\s+at f \(guest\.js:2:8\)/,
  ],
  ['a throw of a string', 'throw "word"', 'throw', /^thrown: word$/],
  ['a syntax error in a module', 'import fs from "fs"\nconst = 2\n', 'syntax', /^guest\.js\n\nSyntaxError: /],
  ['a rejection in a module', 'await Promise.reject(new Error("later"))', 'throw', /^Error: later/],
])('%s is told with its kind and place', async (_name, source, kind, stack) => {
  await using program = await LocalProgram.start()
  const failure = await program.load(source).then(
    () => null,
    (error: unknown) => error as { rpcCode: number; data: { kind: string; stack: string } },
  )
  expect(failure).toMatchObject({ rpcCode: -32011, data: { kind } })
  expect(failure?.data.stack).toMatch(stack)
  expect(failure?.data.stack).not.toContain('program.cjs')
})

test('a module has imports of built-in modules and top-level await', async () => {
  await using program = await LocalProgram.start()
  program.peer.expose('seed', () => 5)
  await program.load(
    `import path, { join } from 'node:path'
     const seed = await rpc.call('seed', [])
     const late = await import('path')
     rpc.expose('result', () => [join('a', 'b'), seed, late.default === path, import.meta.url])
     export const unused = 1`,
    ['path'],
    'guest.mjs',
  )
  expect(await program.peer.call('result', [])).toEqual(['a/b', 5, true, 'guest.mjs'])
})

test('a script may import as well', async () => {
  await using program = await LocalProgram.start()
  await program.load(`rpc.expose('join', async () => (await import('node:path')).join('a', 'b'))`, ['path'])
  expect(await program.peer.call('join', [])).toBe('a/b')
})

test('a second load is refused', async () => {
  await using program = await LocalProgram.start()
  await program.load('')
  await expect(program.load('')).rejects.toThrow('already loaded')
})
