/**
 * Shows a sandbox at work, through the built package. Each line is checked: the demo ends with exit code 1 when something
 * did not go as it says.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuildRunner, ContainerSandbox, DockerDriver } from 'container-sandbox'

let failures = 0

function heading(text) {
  console.log(`\n${text}`)
}

/** Prints what was tried and what came of it. */
function report(what, came, asExpected) {
  if (!asExpected) failures += 1
  console.log(`  ${asExpected ? 'ok  ' : 'FAIL'} ${what.padEnd(44)} ${came}`)
}

/** Runs a shell script in the sandbox and shows how it ended. */
async function attempt(sandbox, what, script, options, expected) {
  const result = await sandbox.shell(script, options)
  const words = [`outcome ${result.outcome}`]
  if (result.exitCode !== null) words.push(`exit code ${result.exitCode}`)
  if (result.signal !== null) words.push(result.signal)
  if (result.usage.leftovers > 0) words.push(`${result.usage.leftovers} processes left over, killed`)
  const last = result.stderr.trim().split('\n').at(-1)
  if (last) words.push(JSON.stringify(last.slice(0, 70)))
  report(what, words.join(', '), expected(result))
}

const refused = (result) => result.exitCode !== null && result.exitCode !== 0

const started = performance.now()
const sandbox = new ContainerSandbox({
  program: new URL('demo-guest.js', import.meta.url).pathname,
  writable: ['/work'],
  limits: { memoryBytes: '256MiB', cpuCount: 1, pids: 64, scratchBytes: '16MiB', lifetimeMs: 120_000 },
})
sandbox.rpc.expose('multiply', (a, b) => a * b)
await sandbox.start()
const driver = new DockerDriver()

try {
  heading(`A sandbox, ready after ${Math.round(performance.now() - started)} ms`)
  console.log(`  container ${sandbox.containerId.slice(0, 12)}, uid ${sandbox.user.uid}, network none, read-only root`)

  heading('Code runs')
  await sandbox.fs.writeFile(
    '/work/hello.mjs',
    'console.log(`hello from node ${process.version}, uid ${process.getuid()}`)',
  )
  const hello = await sandbox.run('node', ['/work/hello.mjs'], { timeoutMs: 10_000 })
  report('node /work/hello.mjs', hello.stdout.trim(), hello.exitCode === 0)
  const sorted = await sandbox.run('sort', [], { input: 'pear\napple\nfig\n' })
  report('sort, fed on stdin', sorted.stdout.trim().replaceAll('\n', ' '), sorted.stdout === 'apple\nfig\npear\n')
  const failing = await sandbox.shell('echo broken >&2; exit 3')
  report(
    'a failing command is a result',
    `exit code ${failing.exitCode}, stderr ${JSON.stringify(failing.stderr)}`,
    failing.exitCode === 3,
  )

  heading('Calls go both ways')
  const factorial = await sandbox.rpc.call('factorial', [10])
  report('guest.factorial(10), multiplied by the host', String(factorial), factorial === 3_628_800)
  const here = await sandbox.rpc.call('whatIsHere', [])
  report('what the program sees', here.join(', '), !here.includes('require') && !here.includes('process'))
  report('ping', `${(await sandbox.ping()).toFixed(2)} ms`, true)

  heading('Limits hold')
  await attempt(
    sandbox,
    'an endless loop, 500 ms of time',
    'while :; do :; done',
    { timeoutMs: 500 },
    (r) => r.outcome === 'timeout',
  )
  await attempt(
    sandbox,
    'an endless loop, 300 ms of CPU time',
    'while :; do :; done',
    { cpuTimeMs: 300 },
    (r) => r.outcome === 'cpuTime',
  )
  await attempt(sandbox, 'all the memory there is', 'tail /dev/zero', {}, (r) => r.outcome === 'oom')
  await attempt(
    sandbox,
    '100 MB of output, 1 KiB kept',
    'head -c 100000000 /dev/zero',
    { outputBytes: 1024 },
    (r) => r.outcome === 'outputLimit' && r.stdout.length === 1024,
  )
  await attempt(
    sandbox,
    'a fork bomb',
    'bomb() { bomb | bomb & }; bomb; sleep 30',
    { timeoutMs: 3_000 },
    (r) => r.outcome !== 'lost',
  )
  await attempt(sandbox, '32 MB into 16 MiB of scratch', 'head -c 32000000 /dev/zero > /work/big', {}, refused)
  await attempt(
    sandbox,
    'a daemon in a session of its own',
    'setsid sleep 1000 & exit 0',
    {},
    (r) => r.exitCode === 0 && r.usage.leftovers > 0,
  )
  report('and it still answers', `${(await sandbox.ping()).toFixed(2)} ms`, true)

  heading('Refused')
  const connect =
    "require('net').connect(80, '192.0.2.1').on('error', (e) => { console.error(e.code); process.exit(1) })"
  await attempt(
    sandbox,
    'a connection to the network',
    `node -e "${connect}"`,
    { timeoutMs: 10_000 },
    (r) => refused(r) && r.stderr.includes('ENETUNREACH'),
  )
  await attempt(sandbox, 'a change of the root', 'echo x > /etc/passwd', {}, refused)
  await attempt(sandbox, "the supervisor's memory", 'cat /proc/1/environ', {}, refused)
  await attempt(sandbox, "the engine's socket", 'ls /var/run/docker.sock /run/docker.sock', {}, refused)
  const { stdout } = await sandbox.run('env')
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
  const own = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'USER']
  report("the host's environment", `the guest has ${names.sort().join(', ')}`, names.join() === own.join())

  heading('What is in force, read back')
  const { engine, kernel } = await sandbox.isolation()
  const hex = new Set(kernel.threads.flatMap(({ capabilities }) => Object.values(capabilities)))
  const none = [...hex].every((mask) => /^0*$/.test(mask))
  report(`capabilities of ${kernel.threads.length} threads`, none ? 'none' : [...hex].join(', '), none)
  const filtered = kernel.threads.every(({ seccompMode, noNewPrivs }) => seccompMode === 2 && noNewPrivs)
  report('seccomp filter and no-new-privileges', filtered ? 'on every thread' : 'missing', filtered)
  const { memoryBytes, memoryAndSwapBytes, pids } = kernel.cgroup
  report(
    'memory, memory with swap, processes',
    `${memoryBytes}, ${memoryAndSwapBytes}, ${pids}`,
    memoryBytes === 256 * 1024 ** 2 && pids === 64,
  )
  report('network interfaces', kernel.interfaces.join(', '), kernel.interfaces.join() === 'lo')
  report('root', engine.readOnlyRoot ? 'read-only' : 'writable', engine.readOnlyRoot)
} finally {
  await sandbox.kill()
}

heading('A build of a tenant, through the fair queue')
const stateDir = mkdtempSync(join(tmpdir(), 'demo-builds-'))
const runner = await BuildRunner.open({ stateDir, driver, pool: { idle: 1 } })
try {
  const build = await runner.submit({
    tenant: 'acme',
    secrets: { TOKEN: 'a-secret-of-the-demo' },
    steps: [
      { name: 'make', run: 'mkdir out && echo "made by uid $(id -u)" > out/report && cat out/report' },
      { name: 'publish', run: 'echo "the token is $TOKEN"', secrets: ['TOKEN'] },
    ],
    artifacts: ['out/**'],
  })
  for await (const event of build) {
    if (event.type === 'output') report(`output of step ${event.step + 1}`, JSON.stringify(event.text.trim()), true)
  }
  const { outcome, artifacts, artifactsDir } = await build.result
  report('outcome', outcome, outcome === 'succeeded')
  const text = readFileSync(join(artifactsDir ?? '', 'out/report'), 'utf8').trim()
  report(`artifact ${artifacts.at(-1)?.path}`, JSON.stringify(text), text.startsWith('made by uid 2'))
  const log = readFileSync(build.logPath, 'utf8')
  report('the secret in the log', log.includes('a-secret-of') ? 'there' : 'masked', !log.includes('a-secret-of'))
} finally {
  await runner.close({ cancel: true })
  rmSync(stateDir, { recursive: true })
}

heading('Cleaned away')
const left = (await driver.list()).filter(({ id }) => id === sandbox.containerId)
report('containers of this sandbox that are left', String(left.length), left.length === 0)
await driver.close()

console.log(failures === 0 ? '\nAll as it should be.' : `\n${failures} lines are not as they should be.`)
process.exit(failures === 0 ? 0 : 1)
