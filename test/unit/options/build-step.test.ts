import { describe, expect, test } from 'vitest'
import { parseBuildOptions } from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const secrets = { TOKEN: 'text' }
const parse = (step: object) => parseBuildOptions({ tenant: 'a', secrets, steps: [{ run: 'x', ...step }] }).steps[0]

describe('accepted', () => {
  test.each<[name: string, given: unknown, wanted: unknown]>([
    ['name', 'Unit tests', 'Unit tests'],
    ['name', '', ''],
    ['name', 'x'.repeat(128), 'x'.repeat(128)],
    ['run', 'a\nb && c', 'a\nb && c'],
    ['run', ['make', '-j', ''], ['make', '-j', '']],
    ['env', { A: 'x' }, { A: 'x' }],
    ['secrets', ['TOKEN'], [{ name: 'TOKEN', as: 'env' }]],
    ['secrets', [{ name: 'TOKEN', as: 'file' }], [{ name: 'TOKEN', as: 'file' }]],
    ['secrets', [{ name: 'TOKEN' }], [{ name: 'TOKEN', as: 'env' }]],
    ['cwd', './a//b/', 'a/b'],
    ['timeoutMs', null, null],
    ['timeoutMs', 2_147_483_647, 2_147_483_647],
    ['continueOnError', true, true],
  ])('%s: %j', (name, given, wanted) => {
    expect(parse({ [name]: given })?.[name as 'name']).toEqual(wanted)
  })
})

describe('refused', () => {
  test.each<[name: string, given: unknown, at: string, reason: RegExp]>([
    ['name', 'a\nb', 'name', /one line/],
    ['name', 'a\0', 'name', /one line/],
    ['name', 'x'.repeat(129), 'name', /128 characters/],
    ['name', 5, 'name', /128 characters/],
    ['run', undefined, 'run', /a script/],
    ['run', '', 'run', /empty/],
    ['run', ' \n ', 'run', /empty/],
    ['run', 'a\0b', 'run', /NUL/],
    ['run', 'x'.repeat(131_072), 'run', /131,072 bytes/],
    ['run', '\ud800', 'run', /surrogate/],
    ['run', [], 'run', /a program and its arguments/],
    ['run', [''], 'run', /a program with a name/],
    ['run', ['make', 5], 'run[1]', /without NUL/],
    ['run', ['make', 'a\0'], 'run[1]', /NUL/],
    ['run', Array<string>(4097).fill('x'), 'run', /at most 4095/],
    ['run', { shell: 'x' }, 'run', /a script/],
    ['env', { A: 5 }, 'env.A', /as a text/],
    ['env', ['A=1'], 'env', /names without/],
    ['secrets', 'TOKEN', 'secrets', /names of secrets/],
    ['secrets', ['OTHER'], 'secrets[0]', /a name of `secrets`: TOKEN/],
    ['secrets', ['a b'], 'secrets[0]', /name of a variable/],
    ['secrets', [{ name: 'TOKEN', as: 'stdin' }], 'secrets[0].as', /'env' or 'file'/],
    ['secrets', [{ name: 'TOKEN', at: '/x' }], 'secrets[0].at', /unknown option/],
    ['secrets', Array<string>(65).fill('TOKEN'), 'secrets', /at most 64/],
    ['cwd', '/etc', 'cwd', /absolute/],
    ['cwd', 'a/../..', 'cwd', /could leave/],
    ['timeoutMs', 0, 'timeoutMs', /no limit/],
    ['timeoutMs', '30s', 'timeoutMs', /not a string/],
    ['timeoutMs', 2_147_483_648, 'timeoutMs', /2,147,483,647/],
    ['continueOnError', 1, 'continueOnError', /true or false/],
    ['continue-on-error', true, '["continue-on-error"]', /did you mean continueOnError/],
    ['shell', 'bash', 'shell', /unknown option/],
  ])('%s: %j', (name, given, at, reason) => {
    const { message, issues } = refused(() => parse({ [name]: given }))
    expect(issues.map(({ path }) => path)).toContain(`steps[0]${at.startsWith('[') ? '' : '.'}${at}`)
    expect(message).toMatch(anyCase(reason))
    expect(message.length).toBeLessThan(2_000)
  })
})
