import { describe, expect, it } from 'vitest'
import { engine } from '../../helpers/sandboxes.js'
import { make, next, ready, textOf } from './run.js'

const COUNTER = `var count = 0; rpc.expose('next', function () { return ++count })`
const runningIds = async () => (await engine.listContainers()).map(({ Id }) => Id)

describe('run() again', () => {
  it('NS-D9 after exit: a fresh program, the same rpc, exposed methods kept', async () => {
    const sandbox = await ready(`${COUNTER}; rpc.expose('ask', function () { return rpc.call('host.name') })`)
    const { rpc } = sandbox
    rpc.expose('host.name', () => 'kept')
    expect(await rpc.call('next')).toBe(1)
    sandbox.kill()
    await next(sandbox, 'exit')
    expect(sandbox._process).toBeNull()
    sandbox.run()
    expect(sandbox.rpc).toBe(rpc)
    expect(await rpc.call('next')).toBe(1)
    expect(await rpc.call('ask')).toBe('kept')
  })

  it('NS-D9 right after kill(): the new one stays, and is not what the old timer kills', async () => {
    const sandbox = await ready(COUNTER, { kill_with_fire_timeout: 300 })
    sandbox.kill()
    sandbox.run()
    const second = sandbox._process
    await next(sandbox, 'exit')
    expect(sandbox._process).toBe(second)
    expect(await sandbox.rpc.call('next')).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(await sandbox.rpc.call('next')).toBe(2)
  })

  it('NS-D9 on a lockup, as the old examples do it', async () => {
    const sandbox = make(`rpc.expose('loop', function () { while (true) {} }); ${COUNTER}`, {
      ping_interval: 20,
      lockup_timeout: 1_000,
    })
    let lockups = 0
    sandbox.on('lockup', () => {
      lockups += 1
      sandbox.kill()
      sandbox.run()
    })
    sandbox.run()
    const stuck = sandbox.rpc.call('loop')
    await expect(stuck).rejects.toMatchObject({ code: 'ERR_SANDBOX_EXITED' })
    expect(await sandbox.rpc.call('next')).toBe(1)
    expect(lockups).toBe(1)
  })

  it('is refused while one runs', async () => {
    const sandbox = await ready('')
    expect(() => sandbox.run()).toThrow('Tried to run Sandbox while already running!')
  })
})

describe('kill()', () => {
  it('throws when nothing runs, as ping() and getStream() do', async () => {
    const sandbox = make('')
    const all = () => {
      expect(() => sandbox.kill()).toThrow(new Error('Tried to kill Sandbox while not running!'))
      expect(() => sandbox.getStream()).toThrow(new Error("Tried to get the stream while the sandbox isn't running!"))
      expect(() => sandbox.ping()).toThrow(new Error('Tried to ping Sandbox while not running!'))
    }
    all()
    sandbox.run()
    await next(sandbox, 'ready')
    sandbox.kill()
    expect(await next(sandbox, 'exit')).toEqual([null, 'SIGTERM'])
    all()
  })

  it('ends one that is still starting', async () => {
    const sandbox = make('')
    sandbox.run()
    sandbox.kill()
    expect(await next(sandbox, 'exit')).toEqual([null, 'SIGTERM'])
  })

  it('NS-D7 a program that ignores SIGTERM is killed by force', async () => {
    const source = `process.on('SIGTERM', function () { console.log('ignored') }); rpc.expose('there', function () {})`
    const sandbox = await ready(source, { kill_with_fire_timeout: 2_000, permissions: ['process'] })
    const text = textOf(sandbox, 'stdout')
    const id = sandbox._process?.containerId ?? ''
    await sandbox.rpc.call('there')
    expect(await runningIds()).toContain(id)
    const started = performance.now()
    sandbox.kill()
    expect(await next(sandbox, 'exit')).toEqual([null, 'SIGKILL'])
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_990)
    expect(text()).toBe('ignored\n')
    expect(await runningIds()).not.toContain(id)
  })
})

describe('the end of the program is the end of the sandbox', () => {
  it.each([
    ['exit()', 'setTimeout(function () { process.exit(3) }, 50)', [3, null]],
    ['an exception', 'setTimeout(function () { throw new Error("late") }, 50)', [1, null]],
    ['an exception at once', 'throw new Error("late")', [1, null]],
    ['a syntax error', 'var late =', [1, null]],
    ['a rejection', 'Promise.reject(new Error("late"))', [1, null]],
  ])('(b) by %s, with code and signal', async (name, source, expected) => {
    const sandbox = make(source)
    const text = textOf(sandbox, 'stderr')
    const order: string[] = []
    for (const event of ['ready', 'exit', 'lockup', 'error'] as const) sandbox.on(event, () => order.push(event))
    const exit = next(sandbox, 'exit')
    sandbox.run()
    const id = sandbox._process
    expect(await exit).toEqual(expected)
    expect(order).toEqual(['ready', 'exit'])
    if (name !== 'exit()') expect(text()).toMatch(/late/)
    expect(await runningIds()).not.toContain(id?.containerId)
  })

  it('a file that cannot be read: its error on stderr, code 1, no ready', async () => {
    const sandbox = make('')
    Object.assign(sandbox, { _path: '/nowhere/program.js' })
    const text = textOf(sandbox, 'stderr')
    const order: string[] = []
    for (const event of ['ready', 'exit', 'lockup', 'error'] as const) sandbox.on(event, () => order.push(event))
    sandbox.run()
    expect(await next(sandbox, 'exit')).toEqual([1, null])
    expect(order).toEqual(['exit'])
    expect(text()).toMatch(/^Error: ENOENT: no such file or directory, open '\/nowhere\/program.js'/)
  })

  it('NS-D13 pending calls are rejected, and later ones', async () => {
    const sandbox = await ready(`rpc.expose('never', function () { return new Promise(function () {}) })`)
    const pending = sandbox.rpc.call('never')
    const exit = next(sandbox, 'exit')
    sandbox.kill()
    await expect(pending).rejects.toMatchObject({ code: 'ERR_SANDBOX_EXITED' })
    await exit
    await expect(sandbox.rpc.call('never')).rejects.toThrow('The sandbox is not running')
  })
})
