/**
 * The behaviour of `jailkeeper` that its own tests and its known defects stand for, by their ids (docs/threat-model.md): T as its
 * tests meant it, D the other way round.
 *
 * A home holds `/test.js`, `/package.json` and the scripts; `/jail` is the folder that everything may use, on scratch.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InvalidOptionsError, TraceUnavailableError, type SandboxOptions, type Violation } from '../../../src/index.js'
import { watchEventLoop } from '../../helpers/event-loop.js'
import { containersOf, rejection, withSandbox } from '../../helpers/sandboxes.js'

const SCRIPTS: Readonly<Record<string, string>> = {
  echoHello: '#!/bin/sh\necho hello\n',
  echoHelloRedir: '#!/bin/sh\necho hello > tmp.dat\n',
  readRedirFile: '#!/bin/bash\ncat tmp.dat\n',
  readPasswd: '#!/bin/sh\ncat /etc/passwd\n',
  parentDirWrite: '#!/bin/sh\necho hello > ../parentDirWrite.txt\n',
  binWrite: '#!/bin/sh\necho hello > /bin/bashOrSomethingLikeIt\n',
  backgroundWrite: '#!/bin/sh\n(sleep 0.1; echo hello > /bin/bashOrSomethingLikeIt) &\nwait\n',
}

/** What the old package allowed by itself: the tools, and the jail's folder. */
const JAIL = {
  read: ['@runtime', '@devices', '@libraries', '@programs', '/jail'],
  write: ['@devices', '/jail'],
  exec: ['@programs', '@libraries', '/jail'],
}

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'jailkeeper-'))
  await writeFile(join(home, 'test.js'), '// outside of the jail\n')
  await writeFile(join(home, 'package.json'), '{}\n')
})
afterAll(() => rm(home, { recursive: true }))

/** Runs one line in the jail. @returns how it ended, what was found, and what is left on the engine */
async function jailed(script: string, trace: SandboxOptions['trace'] = JAIL) {
  const violations: Violation[] = []
  let id = ''
  const result = await withSandbox(
    { user: { name: 'jailkeeper', home }, writable: ['/jail'], trace },
    async (sandbox) => {
      id = sandbox.id
      sandbox.on('jailbreak', (violation) => violations.push(violation))
      await sandbox.fs.mkdir('/jail/inner')
      for (const [name, text] of Object.entries(SCRIPTS))
        await sandbox.fs.writeFile(`/jail/${name}`, text, { mode: 0o755 })
      return sandbox.shell(script, { cwd: '/jail', env: { PATH: '/usr/bin:/bin' } })
    },
  )
  return { ...result, violations, left: await containersOf(id) }
}

describe('what is allowed', () => {
  test.each([
    ['JK-T1: a harmless script', './echoHello', 'hello\n'],
    ['JK-T2: a script that writes inside of the jail', './echoHelloRedir && cat tmp.dat', 'hello\n'],
    ['JK-T3: a script that reads inside of the jail', './echoHelloRedir && ./readRedirFile', 'hello\n'],
  ])('%s runs clean', async (_name, script, stdout) => {
    expect(await jailed(script)).toMatchObject({ outcome: 'exited', exitCode: 0, stdout, violations: [], left: [] })
  })
})

describe('a jailbreak', () => {
  test.each([
    ['JK-T4: reading a file beside the jail', 'cat ../test.js', 'read', '/test.js'],
    ['JK-T5: reading a file further up', 'cd inner && cat ../../package.json', 'read', '/package.json'],
    ['JK-T6: reading the accounts', './readPasswd', 'read', '/etc/passwd'],
    ['JK-T7: writing beside the jail', './parentDirWrite', 'write', '/parentDirWrite.txt'],
    ['JK-T8: writing among the programs', './binWrite', 'write', '/usr/bin/bashOrSomethingLikeIt'],
    ['JK-T9: the same from a background process', './backgroundWrite', 'write', '/usr/bin/bashOrSomethingLikeIt'],
    ['JK-D3: openat and fstatat with a folder', 'cat ../test.js', 'read', '/test.js'],
    ['JK-D5: a name with a bracket and a comma', 'cat "../a),b"', 'read', '/a),b'],
    ['JK-D13: another directory than the first one', 'cd / && cat test.js', 'read', '/test.js'],
    ['JK-D13: a link that leads out', 'ln -s /test.js inner/link && cat inner/link', 'read', '/test.js'],
    ['JK-D13: removing', 'exec node -e "fs.unlinkSync(\'/test.js\')"', 'write', '/test.js'],
    ['JK-D13: renaming', "exec node -e \"fs.renameSync('/test.js', 'taken')\"", 'write', '/test.js'],
  ])('%s is found, and ends what runs', async (_name, script, access, path) => {
    await writeFile(join(home, 'a),b'), 'secret\n')
    const { outcome, violations, left } = await jailed(`${script}; sleep 20`)
    expect(violations[0]).toMatchObject({ kind: 'access', access, path: expect.stringMatching(suffix(path)) as string })
    expect(violations[0]).toMatchObject({ allowed: false, commandId: 1 })
    expect({ outcome, left }).toEqual({ outcome: 'jailbreak', left: [] })
  })

  /** `/bin` is a link to `/usr/bin`: a write that fails names the one that was given. */
  const suffix = (path: string) =>
    new RegExp(
      `^${path.replace('/usr/bin', '(?:/usr)?/bin').replace(/[.()]/g, '\\$&').replace('\\(?:/usr\\)?', '(?:/usr)?')}$`,
    )

  test('JK-T7 as it was meant: the file is not there afterwards', async () => {
    const { violations, stdout } = await jailed('./parentDirWrite; ls /', { ...JAIL, onViolation: 'report' })
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatchObject({ path: '/parentDirWrite.txt', errno: 'EROFS' })
    expect(stdout).not.toContain('parentDirWrite.txt')
  })

  test('JK-D1: every access is judged, however many come at once', async () => {
    const script = 'i=0; while [ $i -lt 500 ]; do read x < /jail/echoHello; i=$((i+1)); done; read x < /test.js'
    const { violations } = await jailed(script, { ...JAIL, onViolation: 'report' })
    expect(violations.map(({ path }) => path)).toEqual(['/test.js'])
  })

  test('JK-D2: a folder whose name begins like the jail is not the jail', async () => {
    const script = 'echo x > /jail2'
    expect((await jailed(script, { ...JAIL, onViolation: 'report' })).violations).toMatchObject([{ path: '/jail2' }])
  })

  test('JK-D4: what may be read may not be written', async () => {
    const trace = { ...JAIL, read: [...JAIL.read, '/test.js'], onViolation: 'report' as const }
    const { violations } = await jailed('cat /test.js > /dev/null; echo x >> /test.js', trace)
    expect(violations).toMatchObject([{ access: 'write', path: '/test.js' }])
  })

  test('JK-D6: a name that is longer than any piece of the stream is found whole', async () => {
    const long = `${'d'.repeat(200)}/`.repeat(20)
    const { violations } = await jailed(`cat /${long}x; true`, { ...JAIL, onViolation: 'report' })
    // Nothing is there, which is no violation; a folder that is there makes it one.
    expect(violations).toEqual([])
    const made = await jailed(`mkdir -p /tmp/${long} && echo x > /tmp/${long}x; true`, {
      ...JAIL,
      onViolation: 'report',
    })
    expect(made.violations.map(({ path }) => path)).toContain(`/tmp/${long}x`)
  })
})

describe('the keeper', () => {
  test.each([['./tmp/jail2'], ['jail'], ['../x']])('JK-D7: the relative path %s is refused', async (path) => {
    const error = await rejection(withSandbox({ trace: { write: [path] } }, () => Promise.resolve()))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect((error as Error).message).toMatch(/absolute/)
  })

  test('JK-D8: a jailbreak leaves the host responsive', async () => {
    const pauses = watchEventLoop()
    const { outcome } = await jailed('while :; do cat /test.js; done')
    const { longestMs, busiestMs } = pauses()
    expect(outcome).toBe('jailbreak')
    expect(busiestMs).toBeLessThan(500)
    expect(longestMs).toBeLessThan(5_000)
  })

  test('JK-D9: the exit code is the command’s', async () => {
    expect(await jailed('exit 7')).toMatchObject({ outcome: 'exited', exitCode: 7 })
  })

  test('JK-D10: nothing runs when nobody can watch', async () => {
    const error = await rejection(withSandbox({ trace: true, runtime: 'no-such-runtime' }, () => Promise.resolve()))
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(TraceUnavailableError)
  })
})
