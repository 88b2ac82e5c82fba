import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HomeFiles } from '../../../../src/shovel/program/permissions.ts'
import { LocalProgram } from '../../../helpers/local-program.ts'

/** Writes files below a folder, by relative path. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}

/** A program in a home that holds `app` and `node_modules`; `outside` is beside them and not of the home. */
async function programIn(
  files: Readonly<Record<string, string>>,
  source: string,
  permissions: readonly string[] = ['home'],
  name = 'main.js',
): Promise<LocalProgram> {
  const program = await LocalProgram.start()
  const folder = program.shovel.workDir
  chmodSync(folder, 0o755)
  chownSync(folder, 0, 0)
  write(folder, files)
  symlinkSync('../outside/secret.js', join(folder, 'app', 'link.js'))
  const main = { source, filename: name, guestPath: join(folder, 'app', name) }
  const home = [join(folder, 'app'), join(folder, 'node_modules')]
  await program.loadFiles({ program: main, permissions: [...permissions], home }).catch(async (error: unknown) => {
    await program[Symbol.asyncDispose]()
    throw error
  })
  return program
}

const FILES = {
  'app/own.js':
    'exports.name = "own"; exports.file = __filename; exports.again = () => require("./own.js") === exports',
  'app/data.json': '{ "n": 5 }',
  'app/folder/index.js': 'module.exports = require("../own.js").name + " by index"',
  'app/module.mjs':
    'import { name } from "./own.js"; import esm, { two } from "esm"; export { name, two, esm }; export const meta = import.meta',
  'app/detected.js': 'export const detected = import.meta.filename !== undefined',
  'app/cycle-a.mjs': 'import { b } from "./cycle-b.mjs"; export const a = "a"; export const both = () => a + b',
  'app/cycle-b.mjs': 'import { a } from "./cycle-a.mjs"; export const b = "b"; export const late = () => a',
  'app/broken.js': 'const = 1',
  'app/broken.mjs': 'export const = 1',
  'app/needs-fs.js': 'module.exports = typeof require("fs").readFileSync',
  'app/needs-fs.mjs': 'import fs from "node:fs"; export default typeof fs.readFileSync',
  'node_modules/plain/package.json': '{ "main": "lib/start" }',
  'node_modules/plain/lib/start.js': 'module.exports = { plain: typeof global, own: require("./part") }',
  'node_modules/plain/lib/part.json': '[1]',
  'node_modules/esm/package.json':
    '{ "type": "module", "exports": { ".": { "import": "./m.js", "require": "./c.cjs" }, "./sub": "./sub.js" } }',
  'node_modules/esm/m.js': 'export default "import"; export const two = 2',
  'node_modules/esm/c.cjs': 'module.exports = "require"',
  'node_modules/esm/sub.js': 'export const sub = await Promise.resolve("sub")',
  'outside/secret.js': 'module.exports = "secret"',
  'outside/secret.mjs': 'export default "secret"',
}

test('scripts require files by relative and absolute path, JSON, folders with an index, and packages', async () => {
  await using program = await programIn(
    FILES,
    `rpc.expose('get', () => [
       require('./own').name, require('./own.js').file === __dirname + '/own.js', require('./own').again(),
       require('./data').n, require('./data.json').n, require('./folder'), require(__dirname + '/folder/index.js'),
       require('plain'), require('esm'), __filename === __dirname + '/main.js', typeof require.resolve, typeof global,
     ])`,
  )
  expect(await program.peer.call('get', [])).toEqual([
    'own',
    true,
    true,
    5,
    5,
    'own by index',
    'own by index',
    { plain: 'object', own: [1] },
    'require',
    true,
    'function',
    'object',
  ])
})

test.each(['main.js', 'main.mjs'])('%s imports modules, scripts, JSON and packages, each once', async (name) => {
  await using program = await programIn(
    FILES,
    `rpc.expose('get', async () => {
       const module = await import('./module.mjs')
       const again = await import('./module.mjs')
       const own = await import('./own.js')
       const { both } = await import('./cycle-a.mjs')
       return [module.name, module.two, module.esm, module === again, module.meta.url.endsWith('/app/module.mjs'),
         own.default.again(), (await import('./data.json', { with: { type: 'json' } })).default.n,
         (await import('esm/sub')).sub, (await import('plain')).plain, (await import('./detected.js')).detected, both()]
     })`,
    ['home'],
    name,
  )
  expect(await program.peer.call('get', [])).toEqual([
    'own',
    2,
    'import',
    true,
    true,
    true,
    5,
    'sub',
    'object',
    true,
    'ab',
  ])
})

test('a module at the top imports as well, and many imports at once meet in the same modules', async () => {
  await using program = await programIn(
    FILES,
    `import { name, two } from './module.mjs'
     import plain from 'plain'
     rpc.expose('get', async () => {
       const all = await Promise.all(Array.from({ length: 20 }, (_, n) => import(n % 2 ? './cycle-a.mjs' : './cycle-b.mjs')))
       return [name, two, plain.plain, new Set(all).size]
     })`,
    ['home'],
    'main.mjs',
  )
  expect(await program.peer.call('get', [])).toEqual(['own', 2, 'object', 2])
})

describe('what lies outside the home is refused in plain words', () => {
  const attempt = `
    const told = (error) => [error.code, error.message]
    rpc.expose('require', (name) => { try { return require(name) } catch (error) { return told(error) } })
    rpc.expose('import', (name) => import(name).then((module) => module.default, told))
  `
  test.each([
    '../../etc/passwd',
    '../../../../../etc/passwd',
    '/etc/hostname',
    '/etc/there-is-no-such-file',
    '../outside/secret.js',
    './link.js',
    '/proc/self/environ',
  ])('%s', async (name) => {
    await using program = await programIn(FILES, attempt)
    for (const way of ['require', 'import']) {
      const [code, message] = (await program.peer.call(way, [name])) as [string, string]
      expect(code).toBe('ERR_MODULE_NOT_PERMITTED')
      expect(message).toMatch(/^Module '.*' is not permitted: '\/.*' lies outside the home$/)
      expect(message).not.toContain('secret"')
    }
  })

  test('other kinds of addresses are no files', async () => {
    await using program = await programIn(FILES, attempt)
    for (const name of ['data:text/javascript,export default 1', 'https://example.org/x.js'])
      expect(await program.peer.call('import', [name])).toMatchObject(['ERR_MODULE_NOT_PERMITTED', expect.any(String)])
    expect(await program.peer.call('import', ['file:///etc/passwd'])).toMatchObject({ 0: 'ERR_MODULE_NOT_PERMITTED' })
  })

  test('modules of the home have the permissions of the program, no more', async () => {
    await using without = await programIn(FILES, attempt)
    for (const way of ['require', 'import']) {
      expect(await without.peer.call(way, [`./needs-fs.${way === 'import' ? 'm' : ''}js`])).toEqual([
        'ERR_MODULE_NOT_PERMITTED',
        expect.stringMatching(/^Module '(node:)?fs' is not permitted; permissions: home$/),
      ])
    }
    await using permitted = await programIn(FILES, attempt, ['fs', 'home'])
    expect(await permitted.peer.call('require', ['./needs-fs.js'])).toBe('function')
    expect(await permitted.peer.call('import', ['./needs-fs.mjs'])).toBe('function')
  })

  test('what is missing or broken is told as node tells it, and the program lives', async () => {
    await using program = await programIn(FILES, attempt)
    expect(await program.peer.call('require', ['./nothing'])).toEqual([
      'MODULE_NOT_FOUND',
      expect.stringMatching(/nothing/),
    ])
    expect(await program.peer.call('import', ['./nothing.js'])).toEqual([
      'ERR_MODULE_NOT_FOUND',
      expect.stringMatching(/nothing/),
    ])
    expect(await program.peer.call('import', ['no-such-package'])).toEqual([
      'ERR_MODULE_NOT_FOUND',
      expect.stringMatching(/no-such/),
    ])
    expect(await program.peer.call('require', ['./broken.js'])).toMatchObject({
      1: expect.stringContaining("'='") as string,
    })
    expect(await program.peer.call('import', ['./broken.mjs'])).toMatchObject({
      1: expect.stringContaining("'='") as string,
    })
    expect(await program.peer.call('require', ['./data'])).toEqual({ n: 5 })
  })
})

test('a folder stands for what is below it, by segment', () => {
  const home = new HomeFiles(['/app', '/etc/own.conf'])
  expect(['/app', '/app/a', '/app/b/c', '/etc/own.conf'].every((path) => home.has(path))).toBe(true)
  expect(
    ['/', '/apple', '/ap', '/etc', '/etc/own', '/etc/own.conf2', '/etc/passwd'].some((path) => home.has(path)),
  ).toBe(false)
  expect(new HomeFiles([]).has('/x')).toBe(false)
})
