import { ContainerSandbox } from 'container-sandbox'

const sandbox = await ContainerSandbox.create({ writable: ['/work'] })
try {
  await sandbox.fs.writeFile('/work/hello.js', 'console.log("hello from uid", process.getuid() >= 200000)')
  const result = await sandbox.run('node', ['/work/hello.js'], { timeoutMs: 5_000 })
  console.log(result.outcome, result.exitCode, result.stdout.trim())
} finally {
  await sandbox.kill()
}
