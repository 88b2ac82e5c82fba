import { ContainerSandbox } from 'container-sandbox'

const sandbox = await ContainerSandbox.create({
  limits: { memoryBytes: '256MiB', pids: 64, scratchBytes: '16MiB' },
  network: 'none',
})
try {
  const attempts = {
    'an endless loop': () => sandbox.shell('while :; do :; done', { timeoutMs: 300 }),
    'too much processor time': () => sandbox.shell('while :; do :; done', { cpuTimeMs: 200 }),
    'too much output': () => sandbox.shell('head -c 10000000 /dev/zero', { outputBytes: 1_000 }),
    'a daemon left behind': () => sandbox.shell('setsid sleep 1000 & exit 0'),
    'writing to the root': () => sandbox.shell('echo x > /etc/passwd'),
    'a full scratch': () => sandbox.shell('head -c 20000000 /dev/zero > /tmp/big'),
    // Last: where the kernel takes long before it kills, the whole sandbox ends.
    'too much memory': () => sandbox.run('node', ['-e', 'const a=[]; for(;;) a.push(Buffer.alloc(1<<24, 1))']),
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    const { outcome, exitCode, usage } = await attempt()
    console.log(`${name}: ${outcome}, exit code ${exitCode}, left over ${usage.leftovers}`)
  }
} finally {
  await sandbox.kill()
}
