// The guest part of the plugin `store`: programs find a global of that name.
export default ({ rpc, startData }) => {
  const set = (key, value) => rpc.call('store.set', [key, value])
  globalThis.store = Object.freeze({ set, maxKeys: startData.maxKeys })
  return {
    execute: () => set('started', true),
  }
}
