import { subscribe } from 'node:diagnostics_channel'
import { ContainerSandbox, MetricsEndpoint } from 'container-sandbox'

subscribe('container-sandbox:command:end', ({ program, outcome }) => console.log(`${program}: ${outcome}`))

const endpoint = await MetricsEndpoint.open({ port: 0 })
const sandbox = await ContainerSandbox.create()
try {
  await sandbox.run('sleep', ['60'], { timeoutMs: 100 })
  const text = await (await fetch(endpoint.url)).text()
  console.log(text.match(/container_sandbox_limit_hits_total.*timeout.*/)[0])
} finally {
  await sandbox.kill()
  await endpoint.close()
}
