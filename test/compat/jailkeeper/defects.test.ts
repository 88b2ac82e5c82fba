/** The known defects of the old package, by their ids: each is gone. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DockerDriver } from '../../../src/index.js'
import { JailKeeper, type JailKeeperOptions } from '../../../src/compat/jailkeeper/index.js'
import { watchEventLoop } from '../../helpers/event-loop.js'
import { follow, give, Place, runJailed } from './jail.js'

let place: Place
let outside: string
beforeAll(async () => {
  place = await Place.make()
  outside = await mkdtemp(join(tmpdir(), 'jailkeeper-outside-'))
  await writeFile(join(outside, 'secret'), 'secret\n')
  await give(outside)
})
afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await rm(outside, { recursive: true })
})

const shell = (script: string, options: JailKeeperOptions = {}) =>
  runJailed(options, 'sh', ['-c', script], { cwd: place.jail })
const files = ({ jailbreaks }: { readonly jailbreaks: readonly { mode: string; file: string }[] }) =>
  jailbreaks.map(({ mode, file }) => `${mode} ${file}`)

describe('what is seen', () => {
  test('JK-D1: every access counts, however many come at once', async () => {
    const script = `i=0; while [ $i -lt 300 ]; do read x < echoHello; i=$((i+1)); done; read x < ${outside}/secret`
    expect(files(await shell(script))).toEqual([`read ${outside}/secret`])
  })

  test('JK-D2: a folder whose name begins like the jail is not the jail', async () => {
    const file = `${place.jail}2/f`
    await mkdir(`${place.jail}2`, { recursive: true })
    await give(`${place.jail}2`)
    expect(files(await shell(`echo x > ${file}; sleep 30`))).toEqual([`write ${file}`])
    expect(existsSync(file)).toBe(false)
  })

  test('JK-D3: openat and fstatat with a folder are seen', async () => {
    const script = "import os; d = os.open('..', os.O_RDONLY); os.open('test.js', os.O_RDONLY, dir_fd=d)"
    const told = await runJailed({}, '/usr/bin/python3', ['-c', script], { cwd: place.jail })
    expect(files(told)).toContain(`read ${join(place.root, 'test', 'test.js')}`)
    const stat = await runJailed({}, 'stat', [join(outside, 'secret')], { cwd: place.jail })
    expect(files(stat)).toEqual([`read ${outside}/secret`])
  })

  test('JK-D4: what may be read may not be written, and neither may the folders of PATH', async () => {
    const secret = join(outside, 'secret')
    const told = await shell(`cat ${secret} && echo x >> ${secret}; sleep 30`, { read: [secret] })
    expect(told).toMatchObject({ jailbreaks: [{ mode: 'write', file: secret }], stdout: 'secret\n' })
    expect(await readFile(secret, 'utf8')).toBe('secret\n')
    expect(files(await shell('echo x > /usr/bin/evil; sleep 30'))).toEqual(['write /usr/bin/evil'])
    expect(existsSync('/usr/bin/evil')).toBe(false)
  })

  test.each(['a),b', 'quo\'te"', 'new\nline', 'com,ma', 'st(ar*'])('JK-D5: the name %j hides nothing', async (name) => {
    const file = join(outside, name)
    await writeFile(file, 'secret\n')
    const told = await runJailed({}, 'cat', [file], { cwd: place.jail })
    expect(told).toMatchObject({ jailbreaks: [{ mode: 'read', file }], stdout: '' })
  })

  test('JK-D6: names longer than any piece of the stream are found whole', async () => {
    const folder = join(outside, 'd'.repeat(200), 'e'.repeat(200), 'f'.repeat(200))
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'secret'), '')
    const told = await runJailed({}, 'cat', [join(folder, 'secret')], { cwd: place.jail })
    expect(files(told)).toContain(`read ${folder}/secret`)
  })

  test.each([
    ['removing', (path: string) => `rm -f ${path}`],
    ['renaming', (path: string) => `mv ${path} taken`],
    ['making a folder', (path: string) => `mkdir ${path}-folder`],
    ['changing a mode', (path: string) => `chmod 777 ${path}`],
    ['a hard link', (path: string) => `ln ${path} taken`],
    ['truncating', (path: string) => `: > ${path}`],
  ])('JK-D13: %s outside is told, and does nothing', async (_name, script) => {
    const secret = join(outside, 'secret')
    const told = await shell(`${script(secret)}; sleep 30`)
    expect(told.jailbreaks[0]?.file.startsWith(secret)).toBe(true)
    expect(await readFile(secret, 'utf8')).toBe('secret\n')
    expect(existsSync(`${secret}-folder`)).toBe(false)
  })

  test('JK-D13: a link that leads out leads nowhere', async () => {
    await symlink(join(outside, 'secret'), join(place.jail, 'link'))
    const told = await runJailed({}, 'cat', ['link'], { cwd: place.jail })
    expect(told).toMatchObject({ stdout: '', code: 1 })
    await symlink('/etc/passwd', join(place.jail, 'accounts'))
    expect(files(await shell('cat accounts; sleep 30'))).toContain('read /etc/passwd')
  })

  test('JK-D13: the working folder of the process counts, not that of the jail', async () => {
    expect(files(await shell('cd ..; cat test.js; sleep 30'))).toContain(`read ${join(place.root, 'test', 'test.js')}`)
  })

  test('JK-D13: an expression is as wide as it is written', async () => {
    const library = join(outside, 'lib', 'x.so.1')
    await mkdir(join(outside, 'lib'), { recursive: true })
    await writeFile(library, '')
    expect(files(await runJailed({}, 'cat', [library], { cwd: place.jail }))).toEqual([`read ${library}`])
    const allowed = await runJailed({ read: [/x\.so\.\d$/] }, 'cat', [library], { cwd: place.jail })
    expect(files(allowed)).toEqual([])
  })

  test('JK-D15: a file that is made on the host meanwhile is not there inside', async () => {
    const late = join(outside, 'late')
    const jail = new JailKeeper()
    jail.stdout.once('data', () => void writeFile(late, 'late\n'))
    const script = `cat ${late}; echo looked; sleep 1; cat ${late}; sleep 30`
    const told = await follow(jail, () => jail.spawn('sh', ['-c', script], { cwd: place.jail }))
    expect(told).toMatchObject({ jailbreaks: [{ mode: 'read', file: late }], stdout: 'looked\n' })
  })
})

describe('the keeper', () => {
  test('JK-D7: relative entries are meant from the working folder', async () => {
    await mkdir(join(place.jail, 'tmp'), { recursive: true })
    await give(join(place.jail, 'tmp'))
    const told = await shell('mkdir tmp/jail2 && echo x > tmp/jail2/f && cat ../../package.json', {
      read: ['../../package.json'],
      write: ['./tmp/jail2'],
    })
    expect(told).toMatchObject({ jailbreaks: [], code: 0, stdout: '{}\n' })
    expect(await readFile(join(place.jail, 'tmp', 'jail2', 'f'), 'utf8')).toBe('x\n')
  })

  test('JK-D8: a jailbreak leaves this process responsive, starts none, and comes to its exit', async () => {
    const pauses = watchEventLoop()
    const told = await shell(`while :; do cat ${outside}/secret; done`)
    const { longestMs, busiestMs } = pauses()
    expect(told.signal).toBe('SIGKILL')
    expect(busiestMs).toBeLessThan(1_000)
    expect(longestMs).toBeLessThan(5_000)
    const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'comm='], { encoding: 'utf8' })
    expect(children).not.toMatch(/kill/)
  })

  test('JK-D9: exit tells code and signal', async () => {
    expect(await shell('exit 7')).toMatchObject({ code: 7, signal: null, jailbreaks: [] })
    expect(await shell('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM', jailbreaks: [] })
  })

  test('JK-D10: nothing runs when nobody can watch', async () => {
    const driver = new DockerDriver()
    const started: string[] = []
    const blind = new Proxy(driver, {
      get(target, name) {
        if (name === 'launch' || name === 'create') {
          return (spec: { labels: Record<string, string> }, signal?: AbortSignal) => {
            if (spec.labels['container-sandbox.role'] === 'tracer') throw new Error('no tracer today')
            started.push(String(name))
            return target[name](spec as never, signal)
          }
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const file = join(place.jail, 'ran')
    const told = await shell(`touch ${file}`, { sandbox: { driver: blind } })
    expect(told.errors).toHaveLength(1)
    expect(told.order).toEqual(['error', 'end', 'exit'])
    expect(existsSync(file)).toBe(false)
    expect(started.length).toBeGreaterThan(0)
  })

  test('JK-D11: the command holds no descriptor of ours, and stdin is one to write to', async () => {
    const jail = new JailKeeper()
    const told = await follow(jail, () => {
      jail.spawn('sh', ['-c', 'ls /proc/self/fd | wc -l; cat'], { cwd: place.jail })
      jail.stdin?.end('from the host\n')
    })
    // Three, and the folder that ls reads.
    expect(told).toMatchObject({ stdout: '4\nfrom the host\n', code: 0, jailbreaks: [] })
  })

  test('JK-D12: processes are ended by the sandbox they are in, grandchildren with another session too', async () => {
    const marker = join(place.jail, 'survived')
    const told = await shell(`(setsid sh -c 'sleep 6; touch ${marker}' &); cat /etc/passwd; sleep 30`)
    expect(told.signal).toBe('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 6_500))
    expect(existsSync(marker)).toBe(false)
  })

  test('JK-D14: nothing is printed, patched, leaked or added to the lists', async () => {
    const log = vi.spyOn(console, 'log')
    const globals = Object.getOwnPropertyNames(globalThis)
    const lists = { read: [join(outside, 'lib')], write: ['./tmp'] }
    const options: JailKeeperOptions = { read: [...lists.read], write: [...lists.write] }
    const jail = new JailKeeper(options)
    for (const script of ['true', 'cat /etc/passwd; sleep 30'])
      await follow(jail, () => jail.spawn('sh', ['-c', script], { cwd: place.jail }))
    expect(log).not.toHaveBeenCalled()
    log.mockRestore()
    expect(jail.options).toBe(options)
    expect(options).toEqual({ ...lists, cwd: place.jail })
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(globals)
    expect('escape' in RegExp).toBe(false)
  })

  test('JK-D16: the environment is PATH, what is passed, and what keeps shells from looking for an account', async () => {
    process.env['SECRET_OF_THE_HOST'] = 'do-not-tell'
    const told = await runJailed({}, 'env', [], { cwd: place.jail, env: { GIVEN: 'yes' } })
    delete process.env['SECRET_OF_THE_HOST']
    const lines = told.stdout.trim().split('\n').sort()
    expect(lines.map((line) => line.split('=')[0])).toEqual(['GIVEN', 'HOME', 'LOGNAME', 'PATH', 'SHELL', 'USER'])
    expect(lines).toContain(`PATH=${process.env['PATH']}`)
    expect(lines).toContain(`HOME=${place.jail}`)
  })
})
