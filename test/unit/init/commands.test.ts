import { constants } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCodeOf, SpawnRefused, TestInit } from '../../helpers/init-client.js'

const { ENOENT, EACCES, ENOTDIR, E2BIG } = constants.errno

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

describe('how a command ends', () => {
  test.each([
    ['true', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
    ['kill -SEGV $$', 139],
  ])('%s: %i', async (script, expected) => {
    expect(exitCodeOf(await init.shell(script))).toBe(expected)
  })

  test('without a core dump', async () => {
    expect((await init.shell('ulimit -c; kill -QUIT $$')).waitStatus).toBe(constants.signals.SIGQUIT)
  })
})

describe('a command that cannot start', () => {
  test.each([
    ['no such name', { file: 'no-such-command' }, ENOENT, 'exec'],
    ['no such path', { file: '/no/such/command' }, ENOENT, 'exec'],
    ['not executable', { file: '/etc/passwd' }, EACCES, 'exec'],
    ['a folder', { file: '/etc' }, EACCES, 'exec'],
    ['no such working directory', { file: 'true', cwd: '/no/such' }, ENOENT, 'chdir'],
    ['a file as working directory', { file: 'true', cwd: '/etc/passwd' }, ENOTDIR, 'chdir'],
    ['an argument that is too long', { file: 'true', args: ['x'.repeat(1 << 20)] }, E2BIG, 'exec'],
  ])('%s', async (_name, { file, ...options }, errno, stage) => {
    const refusal = await init.spawn(file, options).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(SpawnRefused)
    expect(refusal).toMatchObject({ errno, stage })
  })
})
