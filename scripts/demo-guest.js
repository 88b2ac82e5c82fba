// The guest's half of scripts/demo.mjs. It sees `rpc`, timers and the language itself: no require, no process.
rpc.expose('factorial', async (n) => {
  let product = 1
  for (let factor = 2; factor <= n; factor += 1) product = await rpc.call('multiply', [product, factor])
  return product
})

rpc.expose('whatIsHere', () => ['require', 'process', 'fetch', 'rpc'].filter((name) => name in globalThis))
