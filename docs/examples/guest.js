// The program: it sees `rpc`, `console`, timers and the language itself.
rpc.expose('greet', async (name) => {
  const sum = await rpc.call('addOne', [41])
  return `hello ${name}, the host says ${sum}`
})
