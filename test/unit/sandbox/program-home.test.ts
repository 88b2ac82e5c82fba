import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLoadParams, findInHome } from '../../../src/sandbox/program-home.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'program-home-'))
  mkdirSync(join(folder, 'home/..app'), { recursive: true })
  mkdirSync(join(folder, 'home2'))
  for (const name of ['home/main.js', 'home/..app/main.js', 'home2/main.js', 'beside.js'])
    writeFileSync(join(folder, name), '')
  symlinkSync('home', join(folder, 'link'))
  symlinkSync('../beside.js', join(folder, 'home/out.js'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['home/main.js', 'home', '/main.js'],
  ['home/..app/main.js', 'home', '/..app/main.js'],
  ['link/main.js', 'home', '/main.js'],
  ['home/..app/main.js', 'link', '/..app/main.js'],
  ['home2/main.js', 'home', '/main.js'],
  ['beside.js', 'home', '/beside.js'],
  ['home/out.js', 'home', '/out.js'],
  ['home/nothing.js', 'home', '/nothing.js'],
  ['home/main.js', 'no-home', '/main.js'],
])('%s lies in %s at %s', async (file, home, path) => {
  expect(await findInHome(join(folder, file), join(folder, home))).toBe(path)
})

test('the home is told with the permission alone', async () => {
  const program = { filename: join(folder, 'home/..app/main.js'), source: '' }
  const home = { folder: join(folder, 'home'), paths: ['/a'] }
  expect(await buildLoadParams({ program, methods: null }, ['home'], home)).toEqual({
    program: { ...program, guestPath: '/..app/main.js' },
    methods: null,
    permissions: ['home'],
    home: ['/a'],
  })
  expect(await buildLoadParams({ program: null, methods: program }, ['fs'], home)).toEqual({
    program: null,
    methods: { ...program, guestPath: '/main.js' },
    permissions: ['fs'],
    home: null,
  })
})
