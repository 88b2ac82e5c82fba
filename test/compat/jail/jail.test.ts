/** What the old package did, by the ids of its behaviours. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as compat from '../../../src/compat/jail/index.js'
import { fixture, methodsfile, PASSWORD, useJails } from './jails.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { start, logIn, directory, guard, users, alice } = useJails()

test('J-T1: the right password calls onsuccesslogin once with the row of the account, in texts', async () => {
  const watched = start()
  await watched.saw('onsuccesslogin')
  const id = String(alice().uid)
  const row = { username: 'alice', password: 'x', userId: id, groupId: id, name: '', homedir: '/', shell: '/bin/sh' }
  expect(watched.calls).toEqual([
    { name: 'onsuccesslogin', args: [{ success: true, args: { user: row } }], self: watched.jail },
  ])
  expect(watched.jail.child.connected).toBe(true)
})

test('J-T2: a wrong password calls onfailedlogin with the old words, and nothing else', async () => {
  const watched = start({ methodsfile, jailedsuccessloginargs: { action: 'echo' } }, 'wrong')
  await watched.saw('onfailedlogin')
  expect(watched.calls).toEqual([
    { name: 'onfailedlogin', args: [{ success: false, error: 'Wrong credentials' }], self: watched.jail },
  ])
  expect(await watched.containers()).toBe(0)
})

test('J-T3: jailedsuccessloginargs are called behind onsuccesslogin, and the answer comes to cb', async () => {
  const watched = start({ methodsfile, jailedsuccessloginargs: { action: 'echo', hello: 'world' } })
  await watched.saw('cb')
  expect(watched.calls.map(({ name }) => name)).toEqual(['onsuccesslogin', 'cb'])
  expect(watched.given('cb')).toEqual([{ action: 'echo', data: { action: 'echo', hello: 'world' } }])
})

test('J-T4: a method gets the whole object', async () => {
  const watched = await logIn()
  const data = { action: 'echo', x: { deep: [1, null, 'ü'] }, left: undefined, when: new Date(0) }
  expect(await watched.ask(data)).toEqual({
    action: 'echo',
    data: { action: 'echo', x: { deep: [1, null, 'ü'] }, when: '1970-01-01T00:00:00.000Z' },
  })
})

test('J-T5: messages come to cb with the jail as this', async () => {
  const watched = await logIn()
  await watched.ask({ action: 'echo' })
  expect(watched.of('cb')[0]?.self).toBe(watched.jail)
})

test('J-T6: an unknown action sends nothing, is told as an error, and the jail lives on', async () => {
  const watched = await logIn()
  watched.jail.jailed({ action: 'no such thing' })
  await watched.saw('onerror')
  expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_RPC', rpcCode: -32601 }])
  expect(watched.given('cb')).toEqual([])
  expect(await watched.ask({ action: 'echo' })).toMatchObject({ action: 'echo' })
})

test("J-T7, J-T9: methods run with the user's ids and no further groups, inside the root, with process as this", async () => {
  const { uid, gid } = alice()
  expect(await (await logIn()).ask({ action: 'who' })).toEqual({
    action: 'who',
    data: { uid, gid, groups: [gid], cwd: '/', isProcess: true, joined: '/\n' },
  })
})

test("J-T8: / is the user's home, and its files are the user's", async () => {
  const watched = await logIn()
  const listed = (await watched.ask({ action: 'file read', filepath: '/' })) as { data: { files: string[] } }
  expect(listed.data.files).toEqual(expect.arrayContaining(['hello.txt', 'later.js']))
  expect(await watched.ask({ action: 'file read', filepath: '/hello.txt' })).toEqual({
    action: 'file read',
    data: { content: 'from home', filepath: '/hello.txt' },
  })
  expect(await watched.ask({ action: 'file stat', filepath: 'hello.txt' })).toEqual({
    action: 'file stat',
    data: { size: 9, uid: alice().uid },
  })
  expect(await watched.ask({ action: 'file read', filepath: '/../../work' })).toMatchObject({
    action: 'error',
    data: expect.stringMatching(/^Error : ENOENT/) as string,
  })
})

test('J-T10: kill() calls onbeforekill without arguments before the jail ends by SIGTERM', async () => {
  const watched = await logIn()
  watched.jail.kill()
  expect(watched.of('onbeforekill')).toEqual([{ name: 'onbeforekill', args: [], self: watched.jail }])
  await watched.saw('exit')
  expect(watched.calls.map(({ name }) => name)).toEqual(['onsuccesslogin', 'onbeforekill', 'exit'])
  expect(watched.of('exit')[0]?.args).toEqual([null, 'SIGTERM'])
  expect(watched.jail.child).toMatchObject({ killed: true, connected: false, exitCode: null, signalCode: 'SIGTERM' })
  expect(await watched.containers()).toBe(0)
})

test('kill() during the login starts nothing', async () => {
  const watched = start()
  watched.jail.kill()
  await watched.saw('exit')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(watched.calls.map(({ name }) => name)).toEqual(['onbeforekill', 'exit'])
  expect(await watched.containers()).toBe(0)
})

test('J-T11: it works without any callback, and without options at all nobody is let in', async () => {
  const quiet = new compat.jail({ username: 'alice', password: PASSWORD }, { directory, guard, sandbox: { users } })
  const first = await new Promise((resolve) => quiet.child.once('message', resolve))
  expect(first).toMatchObject({ success: true })
  const ended = new Promise((resolve) => quiet.child.once('exit', resolve))
  quiet.kill()
  await ended
  const bare = new compat.jail({ username: 'nobody-at-all', password: 'x' })
  expect(bare.options).toEqual({})
  expect(await new Promise((resolve) => bare.child.once('message', resolve))).toMatchObject({ success: false })
  bare.kill()
})

test('J-T12: a methods file loads modules at its top, and several messages of a call all come', async () => {
  const watched = await logIn()
  watched.jail.jailed({ action: 'several' })
  await watched.saw('cb', 3)
  expect(watched.given('cb')).toEqual([0, 1, 2].map((data) => ({ action: 'several', data })))
})

test.each([
  ['an unknown user', 'nobody-here'],
  ['an empty name', ''],
  ['root', 'root'],
  ['a name that is no text', { $ne: '' } as unknown as string],
  ['a name that is null', null as unknown as string],
])('J-T13: %s fails in the same words', async (_what, username) => {
  const watched = start({ methodsfile }, PASSWORD, username)
  await watched.saw('onfailedlogin')
  expect(watched.given('onfailedlogin')).toEqual([{ success: false, error: 'Wrong credentials' }])
  expect(watched.of('onerror')).toEqual([])
})

test('J-T14: without a methods file, init methods loads one of the home', async () => {
  const watched = await logIn({})
  watched.jail.jailed({ action: 'init methods', filepath: '/later.js' })
  expect(await watched.ask({ action: 'later' })).toEqual({ action: 'later', from: 'later' })
  // The table was replaced.
  watched.jail.jailed({ action: 'init methods', filepath: '/later.js' })
  await watched.saw('onerror')
  expect(watched.given('onerror')).toMatchObject([{ rpcCode: -32601 }])
})

test('J-T14: init methods reads no file of the host', async () => {
  const watched = await logIn({})
  for (const filepath of [methodsfile, '/etc/shadow', '/etc/hostname'])
    watched.jail.jailed({ action: 'init methods', filepath })
  await watched.saw('onerror', 3)
  expect(watched.given('cb')).toEqual([])
  // None of them was loaded: there are no further actions.
  watched.jail.jailed({ action: 'echo' })
  await watched.saw('onerror', 4)
  expect(watched.given('onerror')[3]).toMatchObject({ rpcCode: -32601 })
  for (const error of watched.given('onerror')) expect(String(error)).not.toContain('root:')
})

test('with a methods file the builtin is gone', async () => {
  const watched = await logIn()
  watched.jail.jailed({ action: 'init methods', filepath: '/later.js' })
  await watched.saw('onerror')
  expect(watched.given('onerror')).toMatchObject([{ rpcCode: -32601 }])
})

test('what a method prints stands on stdout of the host, as with the old child', async () => {
  const watched = await logIn()
  const written: string[] = []
  const { write } = process.stdout
  process.stdout.write = (chunk: string | Uint8Array) => written.push(String(chunk)) > 0
  try {
    watched.jail.jailed({ action: 'print' })
    await expect.poll(() => written.join('')).toContain('printed in the jail\n')
  } finally {
    process.stdout.write = write
  }
})

test('what a method returns is of no interest', async () => {
  const watched = await logIn()
  await watched.ask({ action: 'return an object' })
  await watched.ask({ action: 'echo' })
  expect(watched.of('onerror')).toEqual([])
})

test('a methods file that is missing fails the login with the reason', async () => {
  const watched = start({ methodsfile: fixture('missing.cjs') })
  await watched.saw('onfailedlogin')
  expect(watched.given('onfailedlogin')).toEqual([
    { success: false, error: expect.stringContaining('missing.cjs') as string },
  ])
})

test('old code loads it by require', () => {
  const script = "const { jail } = require('container-sandbox/compat/jail'); console.log(typeof jail, jail.name)"
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: root })
  expect({ stdout, stderr }).toMatchObject({ stdout: 'function jail\n' })
})
