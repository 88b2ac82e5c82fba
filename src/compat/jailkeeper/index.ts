/** The drop-in for `jailkeeper`: `require` and `import` both give the class. */
import { JailKeeper } from './jail-keeper.js'

export type { JailEntry } from './grants.js'
export type { JailKeeperEvents, JailKeeperOptions, JailSpawnOptions } from './jail-keeper.js'
export type { Jailbreak } from './jailed-command.js'
export { JailKeeper, JailKeeper as default, JailKeeper as 'module.exports' }
