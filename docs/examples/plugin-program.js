// The program: `store` comes from a plugin.
const { store } = globalThis

rpc.expose('fill', async () => {
  await store.set('answer', 42)
  return store.set('more', 1).catch((error) => `at most ${store.maxKeys}: ${error.message}`)
})
