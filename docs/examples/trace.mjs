import { ContainerSandbox } from 'container-sandbox'

const sandbox = await ContainerSandbox.create({ writable: ['/work'], trace: { onViolation: 'report' } })
sandbox.on('jailbreak', ({ access, path, command }) => console.log('jailbreak:', access, path, 'by', command[0]))
try {
  await sandbox.shell('echo hello > /work/greeting; cat /work/greeting /etc/passwd > /work/copy')
  const { created, counts } = sandbox.trace.summary()
  const paths = created.map(({ path }) => path).filter((path) => path.startsWith('/work'))
  console.log('created:', paths)
  console.log('violations:', counts.violations)
} finally {
  await sandbox.kill()
}
