import { ContainerSandbox, definePlugin } from 'container-sandbox'
import { z } from 'zod'

// A store on the host for programs that need nothing else.
const store = definePlugin({
  name: 'store',
  options: z.object({ maxKeys: z.number().int().min(1).default(100) }),
  host: ({ options, rpc }) => {
    const values = new Map()
    return {
      beforeLaunch: ({ limits }) => ({ network: 'none', permissions: [], limits: { pids: Math.min(limits.pids, 64) } }),
      onSpawn() {
        rpc.expose('store.set', (key, value) => {
          if (values.size >= options.maxKeys) throw new Error('the store is full')
          values.set(String(key), value)
        })
      },
      startData: () => ({ maxKeys: options.maxKeys }),
      onExit: ({ error }) => console.log(`${error.reason}, stored:`, Object.fromEntries(values)),
    }
  },
  guest: new URL('./plugin-guest.js', import.meta.url),
})

const sandbox = await ContainerSandbox.create({
  program: new URL('./plugin-program.js', import.meta.url).pathname,
  plugins: [{ plugin: store, options: { maxKeys: 2 } }],
})
try {
  console.log(await sandbox.rpc.call('fill'))
} finally {
  await sandbox.kill()
}
