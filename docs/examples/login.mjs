import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContainerSandbox, FileDirectory } from 'container-sandbox'

const stateDir = await mkdtemp(join(tmpdir(), 'users-'))
const directory = new FileDirectory({ users: { stateDir } })
await directory.add({ name: 'alice', password: 'correct horse' })
const login = (password) => ContainerSandbox.login({ username: 'alice', password, directory, users: { stateDir } })
try {
  await login('wrong').catch((error) => console.log(error.name, error.message))
  const sandbox = await login('correct horse')
  console.log('logged in as', sandbox.user.name)
  await sandbox.kill()
} finally {
  await rm(stateDir, { recursive: true })
}
