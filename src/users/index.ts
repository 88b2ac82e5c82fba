/** Uids and gids of sandbox users. */
export { UserAllocator, type Identity } from './user-allocator.js'
export type { UserRecord } from './user-registry.js'
export { defaultStateFolder } from './state-folder.js'
