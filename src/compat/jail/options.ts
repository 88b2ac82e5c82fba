/** What the drop-in takes and tells, in the old words. */
import { builtinModules } from 'node:module'
import type { LoginOptions, SandboxOptions } from '../../options/index.js'
import type { jail } from './jail.js'

/** Who logs in. Other members are ignored. */
export interface JailArgs {
  readonly username: string
  readonly password: string
}

/** The account as passwd(5) has it; every member is a text. */
export interface JailUser {
  readonly username: string
  /** Not the password: what stands in its place in passwd(5). */
  readonly password: 'x'
  readonly userId: string
  readonly groupId: string
  /** The person's name. */
  readonly name: string
  /** Where the home is in the jail. */
  readonly homedir: '/'
  readonly shell: string
}

/** What `onsuccesslogin` is given. */
export interface JailSuccess {
  readonly success: true
  readonly args: { readonly user: JailUser }
}

/** What `onfailedlogin` is given. `error` is `'Wrong credentials'`, or why nobody could be jailed. */
export interface JailFailure {
  readonly success: false
  readonly error: string
}

/** What `jailed()` takes: a method gets the whole object. */
export interface JailedData {
  readonly action: string
  readonly [name: string]: unknown
}

/** Options of `new jail(args, options)`, all optional. Callbacks are called with the jail as `this`. */
export interface JailOptions {
  /** Every message that a method sends with `process.send`. */
  cb?(this: jail, message: unknown): void
  onsuccesslogin?(this: jail, result: JailSuccess): void
  onfailedlogin?(this: jail, result: JailFailure): void
  /** `kill()` was called; the methods still run. */
  onbeforekill?(this: jail): void
  /** Given to `jailed()` behind `onsuccesslogin`. */
  readonly jailedsuccessloginargs?: JailedData
  /** A file of this host whose `exports.methods` are functions by the names of their actions. */
  readonly methodsfile?: string
  /**
   * New: what went wrong after the login, or with a call that could not be made. Default: the event `error` of `child`, and a
   * warning of the process when nobody listens there.
   */
  onerror?(this: jail, error: Error): void
  /** New: where accounts come from. Default: the unix accounts of this host. */
  readonly directory?: LoginOptions['directory']
  /** New: who checks passwords. Default: the one that belongs to the directory. */
  readonly authenticator?: LoginOptions['authenticator']
  /** New: what slows down guessing. Default: one for all logins of this process. */
  readonly guard?: LoginOptions['guard']
  /** New: where the attempt comes from, for example the address of the client. */
  readonly origin?: LoginOptions['origin']
  /** New: further options of the container, for example `limits`, `mounts`, `permissions`. */
  readonly sandbox?: Omit<SandboxOptions, 'user' | 'program' | 'methods'>
}

/** As the old methods had them: every module of node, and files of the home. The container is what protects. */
export const DEFAULT_PERMISSIONS: readonly string[] = [
  'home',
  ...builtinModules.filter((name) => !name.startsWith('_')),
]
