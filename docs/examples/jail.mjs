import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileDirectory } from 'container-sandbox'
import { jail } from 'container-sandbox/compat/jail'

// A user of a file, so that this runs on every machine. Without `directory` the unix accounts of the host log in.
const stateDir = await mkdtemp(join(tmpdir(), 'jail-'))
const home = join(stateDir, 'home')
await mkdir(home)
await writeFile(join(home, 'hello.txt'), 'hello')
const users = { stateDir }
const directory = new FileDirectory({ users })
await directory.add({ name: 'alice', password: 'correct horse', home })

const user = new jail(
  { username: 'alice', password: 'correct horse' },
  {
    directory,
    sandbox: { users },
    methodsfile: join(import.meta.dirname, 'jail-methods.cjs'),
    onsuccesslogin: ({ args }) => console.log(args.user.username, 'has', args.user.homedir),
    onfailedlogin: ({ error }) => console.log('failed:', error),
    jailedsuccessloginargs: { action: 'file stat', filepath: '/hello.txt' },
    cb(message) {
      console.log(message.action, message.data)
      if (message.action === 'file stat') this.jailed({ action: 'file stat, but unknown' })
    },
    onerror(error) {
      console.log(error.message)
      this.kill()
    },
    onbeforekill: () => console.log('goodbye'),
  },
)
user.child.on('exit', (code, signal) => {
  console.log(code, signal)
  void rm(stateDir, { recursive: true })
})
