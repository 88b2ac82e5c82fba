import { ContainerSandbox } from 'container-sandbox'

const sandbox = await ContainerSandbox.create()
try {
  const child = sandbox.spawn('sh', ['-c', 'while read -r line; do echo "got $line"; done'])
  child.stdin.end('one\ntwo\n')
  for await (const chunk of child.stdout) process.stdout.write(chunk)
} finally {
  await sandbox.kill()
}
