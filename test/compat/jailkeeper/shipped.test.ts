/** The nine tests that the old package shipped, by their ids. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Place, runJailed } from './jail.js'

let place: Place
beforeAll(async () => {
  place = await Place.make()
})
afterAll(() => place[Symbol.asyncDispose]())

const script = (name: string) => runJailed({}, `./${name}`, [], { cwd: place.jail })

describe('what stays in the jail', () => {
  test('JK-T1: a harmless script', async () => {
    expect(await script('echoHello')).toMatchObject({
      jailbreaks: [],
      errors: [],
      stdout: 'hello world\n',
      stderr: '',
      code: 0,
      signal: null,
      order: ['data', 'end', 'exit'],
    })
  })

  test('JK-T2: a script that writes in the folder of the jail', async () => {
    expect(await script('echoHelloRedir')).toMatchObject({ jailbreaks: [], errors: [], code: 0 })
    expect(await readFile(join(place.jail, 'tmp.dat'), 'utf8')).toBe('hello world\n')
  })

  test('JK-T3: bash reads in the folder of the jail, with a PATH of its own', async () => {
    await script('echoHelloRedir')
    const options = { cwd: place.jail, env: { PATH: '/bin:/usr/bin' } }
    const told = await runJailed({}, './readRedirFile', [], options)
    expect(told).toMatchObject({ jailbreaks: [], errors: [], stdout: 'hello world\n', code: 0 })
  })
})

describe('a jailbreak', () => {
  const killed = { code: null, signal: 'SIGKILL', errors: [] }

  test('JK-T4: cat ../test.js', async () => {
    const told = await runJailed({}, 'cat', ['../test.js'], { cwd: place.jail })
    expect(told).toMatchObject({
      jailbreaks: [{ mode: 'read', file: join(place.root, 'test', 'test.js') }],
      stdout: '',
    })
    expect(told.order.slice(-2)).toEqual(['end', 'exit'])
  })

  test('JK-T5: cat ../../package.json', async () => {
    const told = await runJailed({}, 'sh', ['-c', './catPackage; sleep 30'], { cwd: place.jail })
    expect(told).toMatchObject({ ...killed, jailbreaks: [{ mode: 'read', file: join(place.root, 'package.json') }] })
  })

  test('JK-T6: a script that reads /etc/passwd', async () => {
    const told = await runJailed({}, 'sh', ['-c', './readPasswd; sleep 30'], { cwd: place.jail })
    expect(told).toMatchObject({ ...killed, jailbreaks: [{ mode: 'read', file: '/etc/passwd' }] })
    expect(told.stdout).not.toContain(await readFile('/etc/passwd', 'utf8'))
  })

  test('JK-T7: a script that writes beside the jail, as it was meant: the file is not there', async () => {
    const file = join(place.root, 'test', 'parentDirWrite.txt')
    const told = await runJailed({}, 'sh', ['-c', './parentDirWrite; sleep 30'], { cwd: place.jail })
    expect(told).toMatchObject({ ...killed, jailbreaks: [{ mode: 'write', file }] })
    expect(existsSync(file)).toBe(false)
  })

  test('JK-T8: a script that writes among the programs', async () => {
    const told = await runJailed({}, 'sh', ['-c', './binWrite; sleep 30'], { cwd: place.jail })
    expect(told).toMatchObject({ ...killed, jailbreaks: [{ mode: 'write', file: '/bin/bashOrSomethingLikeIt' }] })
    expect(existsSync('/bin/bashOrSomethingLikeIt')).toBe(false)
  })

  test('JK-T9: the same from a process in the background', async () => {
    const told = await script('backgroundWrite')
    expect(told).toMatchObject({ ...killed, jailbreaks: [{ mode: 'write', file: '/bin/bashOrSomethingLikeIt' }] })
    expect(existsSync('/bin/bashOrSomethingLikeIt')).toBe(false)
  })
})
