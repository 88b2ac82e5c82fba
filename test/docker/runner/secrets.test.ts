/** Secrets of a build in a real sandbox: what gets them, what cannot, and where they are not. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ContainerSandbox, GuestFileError } from '../../../src/index.js'
import { BuildLog, readBuildLog } from '../../../src/runner/log/index.js'
import { forwardOutput, SecretMasker } from '../../../src/runner/output/index.js'
import { placeSecretFiles, removeSecretFiles, selectStepSecrets } from '../../../src/runner/secrets/index.js'
import { build, withRunner } from '../../helpers/runners.js'
import { engine, rejection, withSandbox } from '../../helpers/sandboxes.js'

const SECRET = "tok-7f3e'9Q+/zörk&longEnough"
const SECRETS = { TOKEN: SECRET, OTHER: 'another-value-0815' }
const FILES = [{ name: 'TOKEN', value: SECRET }]
const OPTIONS = { writable: ['/workspace', '/run/secrets'] }
const never = new AbortController().signal

let sandbox: ContainerSandbox
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'))
  sandbox = await ContainerSandbox.create(OPTIONS)
})
afterAll(async () => {
  await sandbox.kill()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => removeSecretFiles(sandbox))

async function shell(script: string, env: Record<string, string> = {}): Promise<string> {
  return (await sandbox.shell(script, { env, timeoutMs: 30_000 })).stdout
}

describe('a secret file', () => {
  test('is there for its step, its owner’s to read, on a tmpfs', async () => {
    await placeSecretFiles(sandbox, selectStepSecrets([{ name: 'TOKEN', as: 'file' }], SECRETS).files, never)
    expect(await shell('cat /run/secrets/TOKEN')).toBe(SECRET)
    expect(await shell('stat -c "%a %U" /run/secrets/TOKEN; ls /run/secrets')).toMatch(/^400 \S+\nTOKEN\n$/)
    expect(await shell('grep " /run/secrets " /proc/mounts')).toMatch(/^tmpfs \/run\/secrets tmpfs rw,nosuid,nodev/)
  })

  test('is gone for the next step, with all copies in its folder, also after a step that failed', async () => {
    const step = 'cd /run/secrets; cp TOKEN .hidden; mkdir -p a/b; ln TOKEN a/b/link; chmod 0 .hidden; exit 3'
    const look = 'cat /run/secrets/TOKEN; find /run/secrets -mindepth 1'
    await placeSecretFiles(sandbox, FILES, never)
    expect((await sandbox.shell(step)).exitCode).toBe(3)
    expect(await shell(look)).toContain(SECRET)
    await removeSecretFiles(sandbox)
    expect(await shell(look)).toBe('')
  })

  test.each([
    ['a link out of the folder', 'ln -s /workspace/leak /run/secrets/TOKEN'],
    ['a link to a folder', 'mkdir -p /workspace/d && ln -s /workspace/d /run/secrets/TOKEN'],
    ['a FIFO', 'mkfifo /run/secrets/TOKEN'],
    ['a folder with files', 'mkdir /run/secrets/TOKEN && touch /run/secrets/TOKEN/x'],
    [
      'a file of mode 0666 with a second name',
      'echo > /run/secrets/TOKEN; chmod 666 /run/secrets/TOKEN; ln /run/secrets/TOKEN /run/secrets/2',
    ],
  ])('is written as its own where an earlier step left %s', async (_name, trap) => {
    await shell(trap)
    await placeSecretFiles(sandbox, FILES, never)
    expect(await shell('stat -c "%F %a %h" /run/secrets/*; cat /run/secrets/TOKEN')).toBe(
      `regular file 400 1\n${SECRET}`,
    )
    expect(await shell('find /workspace -type f')).toBe('')
  })

  test('would go through a link of an earlier step if the folder were not emptied', async () => {
    await shell('ln -s /workspace/leak /run/secrets/TOKEN')
    await sandbox.fs.writeFile('/run/secrets/TOKEN', SECRET, { mode: 0o400 })
    expect(await shell('cat /workspace/leak; rm -f /workspace/leak')).toBe(SECRET)
  })

  test('is not seen by what an earlier step left running, because nothing is left', async () => {
    const thief = 'setsid sh -c "while :; do cat /run/secrets/* >> /tmp/stolen 2> /dev/null; done" > /dev/null 2>&1 &'
    await shell(`${thief} cat /proc/sys/kernel/hostname`)
    await placeSecretFiles(sandbox, FILES, never)
    expect(await shell('sleep 0.2; cat /tmp/stolen')).not.toContain(SECRET)
    // The same thief within the step has it: what it waits for does happen.
    expect(await shell(`${thief} sleep 0.3; cat /tmp/stolen; rm /tmp/stolen`)).toContain(SECRET)
  })

  test('is not placed in a folder that the guest has locked', async () => {
    await withSandbox(OPTIONS, async (locked) => {
      await locked.shell('chmod 0 /run/secrets')
      expect(await rejection(placeSecretFiles(locked, FILES, never))).toBeInstanceOf(GuestFileError)
      expect(await rejection(removeSecretFiles(locked))).toMatchObject({ code: 'EACCES' })
      await locked.kill()
      await removeSecretFiles(locked)
    })
  })

  test('is not left when the build is canceled while it is placed', async () => {
    const reason = new Error('canceled')
    const files = Array.from({ length: 64 }, (_, index) => ({ name: `S${index}`, value: 'x'.repeat(65_536) }))
    const abort = new AbortController()
    const writeFile: typeof sandbox.fs.writeFile = async (path, ...rest) => {
      if (path.endsWith('/S40')) abort.abort(reason)
      return sandbox.fs.writeFile(path, ...rest)
    }
    const fs = Object.assign(Object.create(sandbox.fs) as typeof sandbox.fs, {
      writeFile,
      readdir: (path: string) => sandbox.fs.readdir(path),
      rm: (...rest: Parameters<typeof sandbox.fs.rm>) => sandbox.fs.rm(...rest),
    })
    expect(await rejection(placeSecretFiles({ fs }, files, abort.signal))).toBe(reason)
    expect(await shell('ls -A /run/secrets')).toBe('')
    expect(await rejection(placeSecretFiles(sandbox, files, abort.signal))).toBe(reason)
    await placeSecretFiles(sandbox, files, never)
    expect((await shell('cat /run/secrets/S* | wc -c')).trim()).toBe(String(64 * 65_536))
  })
})

test('a variable is its step’s alone: no process of the next step and none of ours holds it', async () => {
  const { env, files } = selectStepSecrets([{ name: 'TOKEN', as: 'env' }], SECRETS)
  expect(files).toEqual([])
  expect(await shell('echo "$TOKEN $OTHER"', { ...env })).toBe(`${SECRET} \n`)
  const around = 'for p in /proc/[0-9]*; do cat $p/environ $p/cmdline 2> /dev/null; done; env'
  expect(await shell(around, { ...env })).toContain(SECRET)
  expect(await shell(around)).not.toContain(SECRET)
})

test('while a step has it, the engine knows nothing of it: container, changes, image, history', async () => {
  await placeSecretFiles(sandbox, FILES, never)
  const child = sandbox.spawn('sh', ['-c', 'echo "$TOKEN"; cat'], { env: { TOKEN: SECRET } })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  try {
    const container = engine.getContainer(sandbox.containerId ?? '')
    const inspected = await container.inspect()
    const image = engine.getImage(inspected.Image)
    const known = JSON.stringify([
      inspected,
      await container.changes(),
      await container.top(),
      await image.inspect(),
      await image.history(),
    ])
    expect(inspected.State.Running).toBe(true)
    for (const form of [SECRET, 'tok-7f3e', Buffer.from(SECRET).toString('base64')]) expect(known).not.toContain(form)
  } finally {
    child.stdin?.end()
    await new Promise((resolve) => child.once('close', resolve))
  }
})

test('the log of a build does not hold it, however the build prints it by mistake', async () => {
  const path = join(folder, 'log')
  const log = await BuildLog.create(path, { maxBytes: 2 ** 20 })
  const masker = new SecretMasker(Object.values(SECRETS))
  const script = [
    'echo "is $TOKEN"',
    'printf "%s" "$TOKEN" | while IFS= read -r -n 1 letter; do printf %s "$letter"; done; echo',
    'printf %.9s "$TOKEN"; sleep 0.3; printf "%s\\n" "${TOKEN#?????????}"',
    'printf %s "$TOKEN" | base64; printf "user:%s" "$TOKEN" | base64; cat /run/secrets/TOKEN >&2; set -x; : "$TOKEN"; env',
  ].join('\n')
  await placeSecretFiles(sandbox, FILES, never)
  const child = sandbox.spawn('sh', ['-c', script], { env: { TOKEN: SECRET } })
  const forward = (stream: 'stdout' | 'stderr') =>
    forwardOutput(child[stream]!, { masker, emit: (text) => log.append({ type: 'output', step: 0, stream, text }) })
  await Promise.all([forward('stdout'), forward('stderr')])
  await log.close()
  const raw = await readFile(path, 'utf8')
  let text = ''
  for await (const event of readBuildLog(path)) text += event.type === 'output' ? event.text : ''
  expect(text).toContain('is ***\n')
  expect(text.split('***').length).toBeGreaterThan(7)
  for (const shown of [raw, text]) {
    expect(shown).not.toMatch(/tok-7f3e|longEnough/)
    expect(shown).not.toContain(Buffer.from(SECRET).toString('base64').slice(8, 20))
    expect(shown).not.toContain(Buffer.from(`user:${SECRET}`).toString('base64').slice(12, 24))
  }
})

test('a trace has the arguments of commands: what a build keeps and tells of it is masked', async () => {
  const secret = 'tok-7f3e-longEnough'
  await withRunner({}, async (runner) => {
    const { result, events } = await build(runner, {
      secrets: { TOKEN: secret },
      trace: { write: ['@devices', '/run/secrets/**'], onViolation: 'report' },
      steps: [{ run: ['sh', '-c', ': > "/tmp/$0"', secret] }],
    })
    expect(result).toMatchObject({ outcome: 'succeeded', steps: [{ name: 'sh -c : > "/tmp/$0" ***' }] })
    const violations = events.flatMap((event) => (event.type === 'violation' ? [event.text] : []))
    const trace = await readFile(join(dirname(result.logPath), 'trace.json'), 'utf8')
    for (const told of [violations.join('\n'), trace]) expect(told).toContain('/tmp/***')
    for (const told of [trace, await readFile(result.logPath, 'utf8')]) expect(told).not.toMatch(/tok-7f3e|longEnough/)
  })
})
