import { ContainerSandbox } from 'container-sandbox'

const sandbox = new ContainerSandbox({ program: new URL('./guest.js', import.meta.url).pathname })
sandbox.rpc.expose('addOne', (n) => n + 1)
await sandbox.start()
try {
  console.log(await sandbox.rpc.call('greet', ['bob'], { timeoutMs: 1_000 }))
} finally {
  await sandbox.kill()
}
