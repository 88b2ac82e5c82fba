import { Sandbox } from 'container-sandbox/compat/node-sandbox'

const program = new URL('node-sandbox-guest.js', import.meta.url).pathname
const sandbox = new Sandbox(program, { ping_interval: 100, lockup_timeout: 500 })
sandbox.rpc.expose('punctuation', () => '!')
sandbox.on('stdout', (chunk) => console.log('stdout:', chunk.toString().trim()))
sandbox.once('ready', async () => {
  console.log(await sandbox.rpc.call('greet', ['bob']))
  sandbox.rpc.notify('loop')
})
sandbox.once('lockup', async (error) => {
  console.log(error.message)
  sandbox.kill()
  sandbox.run()
  console.log(await sandbox.rpc.call('greet', ['alice']))
  sandbox.kill()
})
sandbox.on('exit', (code, signal) => console.log('exit:', code, signal))
sandbox.run()
