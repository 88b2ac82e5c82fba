/** Programs of this host under a real strace: what is told must be what they did. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TRACE_SET } from '../../../../src/trace/calls/index.js'
import type { AccessEvent, TraceEvent } from '../../../../src/trace/event.js'
import { TraceInterpreter } from '../../../../src/trace/interpret/index.js'
import { TraceReader } from '../../../../src/trace/strace/index.js'

const run = promisify(execFile)

let folder = ''
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'interpret-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** init and a supervisor in C, like those of a sandbox: the marker, then a fork, and the command in it. */
const SUPERVISED = `
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (fork() == 0) {
    access("/.sandbox/command/7", F_OK);
    if (fork() == 0) execvp(argv[1], argv + 1);
    wait(NULL);
    _exit(0);
  }
  wait(NULL);
}`

async function trace(...command: string[]) {
  const [init, log] = [join(folder, 'init'), join(folder, 'log')]
  await writeFile(`${init}.c`, SUPERVISED)
  await run('gcc', ['-o', init, `${init}.c`])
  const options = ['-f', '-ttt', '-y', '-s', '512', '-e', `trace=${TRACE_SET}`, '-e', 'signal=!SIGCHLD', '-o', log]
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', HOME: folder }
  await run('strace', [...options, init, ...command], { cwd: folder, env })
  const text = await readFile(log)
  const events: TraceEvent[] = []
  const initPid = Number(/^\d+/.exec(text.toString('latin1'))?.[0])
  const onEvent = (event: TraceEvent) => events.push(event)
  const interpreter = new TraceInterpreter({ policy: null, onEvent, initPid, initCwd: folder })
  const reader = new TraceReader({ onRecord: (record) => interpreter.accept(record) })
  reader.push(text)
  reader.end()
  expect(events.filter(({ kind }) => kind === 'unknown')).toEqual([])
  expect(events.every((event) => event.kind === 'unknown' || event.commandId === 7)).toBe(true)
  expect(interpreter.threadCount).toBe(0)
  const accesses = events.filter((event) => event.kind === 'access')
  const below = (event: AccessEvent) => event.path?.startsWith(`${folder}/`) === true
  const told = accesses.filter(below).map(({ mode, path }) => `${mode} ${path?.slice(folder.length + 1) ?? ''}`)
  return { events, accesses, told }
}

test('a shell: folders, subshells, pipes, redirections', async () => {
  const script = `
    mkdir -p a/b; cd a; echo x > one; (cd b; echo y > ../b/./two; rm two); cat one | cat > three; cd b/..; mv three four
    for n in 1 2 3; do (cd b; echo > $n) & done; wait; ln -s one link; cat link; rmdir nothing; true`
  const { told, accesses } = await trace('sh', '-c', script)
  for (const expected of [
    'create a/one',
    'create a/b/two',
    'remove a/b/two',
    'read a/one',
    'create a/three',
    'remove a/nothing',
  ]) {
    expect(told).toContain(expected)
  }
  for (const expected of [
    'rename a/three',
    'rename a/four',
    'create a/b/1',
    'create a/b/2',
    'create a/b/3',
    'create a/link',
  ]) {
    expect(told).toContain(expected)
  }
  const link = accesses.find(({ file, mode }) => file === 'link' && mode === 'read')
  expect([link?.path, link?.resolution]).toEqual([join(folder, 'a/one'), 'descriptor'])
})

test('python: hostile names, posix_spawn, vfork, threads that move all, execve of a thread', async () => {
  const program = join(folder, 'program.py')
  await writeFile(
    program,
    `
import os, socket, subprocess, threading
names = [b'new\\nline', b'quote"', b') = 0', b'a <unfinished ...>', b'>x<', b'\\xff\\xfe', b'-1 ENOENT', b'back\\\\slash']
os.mkdir('h'); os.chdir('h')
for name in names: os.close(os.open(name, os.O_CREAT | os.O_WRONLY)); os.unlink(name)
os.mkdir('deep'); fd = os.open('deep', os.O_RDONLY); os.close(os.open('in', os.O_CREAT | os.O_WRONLY, dir_fd=fd))
os.fchdir(fd); os.truncate('in', 0)
for n in range(20): os.waitpid(os.posix_spawn('/bin/mkdir', ['mkdir', f'spawned{n}'], os.environ), 0)
subprocess.run(['/bin/mkdir', 'sub'], cwd='..')
def move(): os.chdir('..')
thread = threading.Thread(target=move); thread.start(); thread.join()
os.mkdir('moved')
s = socket.socket(socket.AF_UNIX)
try: s.connect('sock')
except OSError: pass
threading.Thread(target=lambda: os.execv('/bin/mkdir', ['mkdir', 'executed'])).start()
`,
  )
  const { told, accesses } = await trace('/usr/bin/python3', program)
  const names = [
    'new\nline',
    'quote"',
    ') = 0',
    'a <unfinished ...>',
    '>x<',
    '\udcff\udcfe',
    '-1 ENOENT',
    'back\\slash',
  ]
  for (const name of names) {
    expect(told).toContain(`create h/${name}`)
    expect(told).toContain(`remove h/${name}`)
  }
  for (let n = 0; n < 20; n += 1) expect(told).toContain(`create h/deep/spawned${n}`)
  for (const made of ['h/deep/in', 'h/sub', 'h/moved', 'h/executed']) expect(told).toContain(`create ${made}`)
  expect(told).toContain('write h/deep/in')
  expect(accesses.find(({ mode }) => mode === 'connect')?.path).toBe(`unix:${folder}/h/sock`)
  const last = accesses.find(({ path }) => path === join(folder, 'h/executed'))
  expect(last?.command).toEqual(['mkdir', 'executed'])
})

test('node and gcc: threads, children in folders of their own, temporary files', async () => {
  await mkdir(join(folder, 'c'))
  await writeFile(join(folder, 'c/hello.c'), '#include <stdio.h>\nint main(void) { puts("hello"); }\n')
  const script = `
    const { execFileSync } = require('node:child_process')
    execFileSync('gcc', ['-o', 'hello', 'hello.c'], { cwd: 'c' })
    execFileSync('./hello', { cwd: 'c' })
    require('node:fs').promises.writeFile('c/../c/out', 'x')`
  const { told, accesses, events } = await trace(process.execPath, '-e', script)
  expect(told).toContain('read c/hello.c')
  expect(told).toContain('create c/hello')
  expect(told).toContain('exec c/hello')
  expect(told).toContain('create c/out')
  const programs = accesses.filter(({ mode, errno }) => mode === 'exec' && errno === null)
  expect(programs.map(({ path }) => path?.split('/').at(-1))).toEqual(
    expect.arrayContaining(['node', 'cc1', 'as', 'collect2', 'ld', 'hello']),
  )
  expect(events.some((event) => event.kind === 'start' && event.thread)).toBe(true)
  expect(accesses.filter(({ path, errno }) => path === null && errno !== 'ENOENT')).toEqual([])
})
