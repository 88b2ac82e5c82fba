/** Defects of the old package, each with its id: none of them is there any more. */
import { expect, test } from 'vitest'
import { fixture, methodsfile, PASSWORD, useJails } from './jails.js'

const { start, logIn, alice } = useJails()

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('J-D1: jailed() before the login does nothing but fail visibly', async () => {
  const watched = start()
  for (let count = 0; count < 3; count++) watched.jail.jailed({ action: 'who' })
  expect(watched.given('onerror')).toMatchObject(
    Array(3).fill({ code: 'ERR_INVALID_STATE', message: expect.stringContaining('not succeeded yet') as string }),
  )
  expect(await watched.containers()).toBe(0)
  await watched.saw('onsuccesslogin')
  await pause(500)
  expect(watched.given('cb')).toEqual([])
  // The same call is answered now, so it would have been seen.
  expect(await watched.ask({ action: 'who' })).toMatchObject({ data: { uid: alice().uid } })
  expect(watched.given('cb')).toHaveLength(1)
})

test.each([
  ['a wrong password', 'alice', 'wrong'],
  ['an unknown user', 'nobody-here', PASSWORD],
])('J-D1: jailed() after a login that failed for %s does nothing but fail visibly', async (_what, name, password) => {
  const watched = start({ methodsfile }, password, name)
  await watched.saw('onfailedlogin')
  for (const action of ['who', 'init methods', 'echo']) watched.jail.jailed({ action })
  watched.jail.child.send({ action: 'who', data: { action: 'who' } })
  expect(watched.given('onerror')).toMatchObject(
    Array(4).fill({ code: 'ERR_INVALID_STATE', message: expect.stringContaining('login has failed') as string }),
  )
  await pause(500)
  expect(watched.given('cb')).toEqual([])
  expect(await watched.containers()).toBe(0)
  expect(watched.given('onfailedlogin')).toHaveLength(1)
})

test('J-D1: jailed() inside onfailedlogin runs nothing', async () => {
  const watched = start(
    {
      methodsfile,
      onfailedlogin() {
        this.jailed({ action: 'who' })
      },
    },
    'wrong',
  )
  await watched.saw('onerror')
  expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_INVALID_STATE' }])
  expect(await watched.containers()).toBe(0)
})

test('J-D1: without onerror it is a warning of the process', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const watched = start({ methodsfile, onerror: undefined as never })
  watched.jail.jailed({ action: 'who' })
  expect(await warned).toMatchObject({ name: 'JailWarning', message: expect.stringMatching(/not called/) as string })
})

test('J-D2: messages of methods are no results of a login', async () => {
  const watched = await logIn()
  watched.jail.jailed({ action: 'forge' })
  await watched.saw('cb', 2)
  expect(watched.calls.map(({ name }) => name)).toEqual(['onsuccesslogin', 'cb', 'cb'])
  expect(watched.given('cb')).toMatchObject([{ success: true }, { success: false }])
})

test('J-D2: what a methods file sends while it is loaded is none either', async () => {
  const watched = start({ methodsfile: fixture('early.cjs') })
  await watched.saw('cb', 2)
  expect(watched.calls.map(({ name }) => name)).toEqual(['onsuccesslogin', 'cb', 'cb'])
  expect(watched.given('onsuccesslogin')).toMatchObject([{ args: { user: { username: 'alice' } } }])
})

test('J-D2: with a wrong password the methods file is not even loaded', async () => {
  const watched = start({ methodsfile: fixture('early.cjs') }, 'wrong')
  await watched.saw('onfailedlogin')
  await pause(500)
  expect(watched.calls.map(({ name }) => name)).toEqual(['onfailedlogin'])
})

test("J-D3: groups of the host's process are not there", async () => {
  const { data } = (await (await logIn()).ask({ action: 'who' })) as { data: { groups: number[] } }
  expect(data.groups).toEqual([alice().gid])
})

test('J-D4: the reason of a failure is told as error', async () => {
  const watched = start({ methodsfile, sandbox: { base: 'no-such-image:ever' } })
  await watched.saw('onfailedlogin')
  const [result] = watched.given('onfailedlogin')
  expect(result).toEqual({ success: false, error: expect.stringContaining('no-such-image') as string })
  expect(result).not.toHaveProperty('eror')
  watched.jail.jailed({ action: 'who' })
  expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_INVALID_STATE' }])
})

test('J-D5: a method that throws is told, and the jail lives on', async () => {
  const watched = await logIn()
  watched.jail.jailed({ action: 'throw' })
  await watched.saw('onerror')
  expect(watched.given('onerror')).toMatchObject([{ message: expect.stringContaining('it broke') as string }])
  expect(await watched.ask({ action: 'echo' })).toMatchObject({ action: 'echo' })
})

test.each([
  ['throws later', 'throw later', 1],
  ['exits', 'exit', 3],
])(
  'J-D5: a method that %s ends the jail, which is told, and jailed() does nothing then',
  async (_what, action, code) => {
    const watched = await logIn()
    watched.jail.jailed({ action })
    await watched.saw('exit')
    expect(watched.of('exit')[0]?.args).toEqual([code, null])
    expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_PROGRAM' }])
    watched.jail.jailed({ action: 'echo' })
    expect(watched.given('onerror')[1]).toMatchObject({
      code: 'ERR_INVALID_STATE',
      message: expect.stringContaining('has ended') as string,
    })
  },
)

test('J-D5: jailed() after kill() does nothing but fail visibly', async () => {
  const watched = await logIn()
  watched.jail.kill()
  watched.jail.jailed({ action: 'echo' })
  await watched.saw('exit')
  watched.jail.jailed({ action: 'echo' })
  expect(watched.given('onerror')).toMatchObject(Array(2).fill({ code: 'ERR_INVALID_STATE' }))
  expect(watched.given('cb')).toEqual([])
})

test('a method that never returns does not outlive kill()', async () => {
  const watched = await logIn({ methodsfile, sandbox: { timeouts: { killGraceMs: 200 } } })
  watched.jail.jailed({ action: 'hang' })
  await pause(200)
  watched.jail.kill()
  await watched.saw('exit')
  expect(await watched.containers()).toBe(0)
})

test.each([
  ['no action', {}],
  ['an empty action', { action: '' }],
  ['an action that is no text', { action: { toString: 'echo' } }],
  ['a login', { username: 'alice', password: PASSWORD }],
  ['nothing', undefined],
  ['null', null],
])('J-D6: jailed() with %s logs nobody in and is told', async (_what, data) => {
  const watched = await logIn()
  watched.jail.jailed(data as never)
  expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_INVALID_OPTIONS' }])
  expect(await watched.ask({ action: 'echo' })).toMatchObject({ action: 'echo' })
  expect(watched.calls.filter(({ name }) => name.endsWith('login'))).toHaveLength(1)
})

test('J-D6: nor before the login', async () => {
  const watched = start({ methodsfile }, 'wrong')
  watched.jail.jailed({ username: 'alice', password: PASSWORD } as never)
  await watched.saw('onfailedlogin')
  watched.jail.jailed({ username: 'alice', password: PASSWORD } as never)
  await pause(500)
  expect(watched.given('onfailedlogin')).toHaveLength(1)
  expect(watched.of('onsuccesslogin')).toEqual([])
})

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
  'J-D7: %s is no action, and the jail lives on',
  async (action) => {
    const watched = await logIn()
    watched.jail.jailed({ action })
    await watched.saw('onerror')
    expect(watched.given('onerror')).toMatchObject([{ code: 'ERR_RPC', rpcCode: -32601 }])
    expect(await watched.ask({ action: 'echo' })).toMatchObject({ action: 'echo' })
    expect(watched.given('cb')).toHaveLength(1)
  },
)

test('data that JSON cannot hold is told, not thrown', async () => {
  const watched = await logIn()
  const circular: Record<string, unknown> = { action: 'echo' }
  circular['self'] = circular
  watched.jail.jailed(circular as never)
  await watched.saw('onerror')
  expect(watched.given('onerror')[0]).toBeInstanceOf(TypeError)
  expect(await watched.ask({ action: 'echo' })).toMatchObject({ action: 'echo' })
})
