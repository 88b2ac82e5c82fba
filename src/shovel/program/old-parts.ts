/**
 * `ShovelHooks.js` of old-style plugins: CommonJS files of one folder, which came with the message, and a class whose instances
 * are told what happens. `_base/ShovelHooks` is found wherever it is looked for.
 */
import process from 'node:process'
import vm from 'node:vm'
import { dirname, resolve } from 'node:path/posix'
import type { PluginLoadParams } from '../../protocol/control-plugins.js'
import type { GuestHooks } from './guest-parts.js'

const BASE_HOOKS = /(?:^|\/)_base\/ShovelHooks(?:\.js)?$/
const MISSING = Symbol('missing')

type Instance = Readonly<Record<string, unknown>>
type ShovelHooksClass = new (startData: unknown, exposedObject: unknown, manager: OldManager) => object

/** The members that every old-style guest part has. */
interface ShovelHooksMembers {
  _startData?: unknown
  _exposedObject?: unknown
  _manager?: unknown
}

/** What an old-style guest part extends. A function and no class: plugins call it with `BaseShovelHooks.call(this, …)`. */
function BaseShovelHooks(this: ShovelHooksMembers, startData: unknown, exposedObject: unknown, manager: unknown): void {
  this._startData = startData
  this._exposedObject = exposedObject
  this._manager = manager
}

for (const hook of ['onAfterLoad', 'onExecute', 'onLoadError']) {
  Object.defineProperty(BaseShovelHooks.prototype, hook, { value: () => undefined, writable: true, configurable: true })
}

/** What old-style parts find each other by. */
class OldManager {
  /** By the plugin's name and by the features that it provides. */
  readonly plugins: Record<string, object> = Object.create(null) as Record<string, object>
}

/** The old-style guest parts of one program. */
export class OldParts {
  readonly #manager = new OldManager()
  readonly #loadBuiltin: (name: unknown) => unknown

  constructor(loadBuiltin: (name: unknown) => unknown) {
    this.#loadBuiltin = loadBuiltin
  }

  /** Runs the files and makes the instance. @throws what they throw */
  load({ plugin, provides, main, sources, startData }: PluginLoadParams): GuestHooks {
    const ShovelHooks = new Folder(new Map(Object.entries(sources)), this.#loadBuiltin).run(main)
    if (typeof ShovelHooks !== 'function') throw new TypeError('ShovelHooks.js does not export a class')
    const instance = new (ShovelHooks as ShovelHooksClass)(startData, globalThis, this.#manager) as Instance
    for (const feature of [plugin, ...provides]) this.#manager.plugins[feature] = instance
    const hooks: GuestHooks = {}
    const { onAfterLoad, onExecute, onLoadError } = instance
    if (typeof onAfterLoad === 'function')
      hooks.afterLoad = (source) => Reflect.apply(onAfterLoad, instance, [Buffer.from(String(source))]) as unknown
    if (typeof onExecute === 'function') hooks.execute = () => Reflect.apply(onExecute, instance, []) as unknown
    if (typeof onLoadError === 'function')
      hooks.loadError = (error) => Reflect.apply(onLoadError, instance, [error]) as unknown
    return hooks
  }
}

/** Modules among the files of one folder, and built-in ones. */
class Folder {
  readonly #sources: ReadonlyMap<string, string>
  readonly #loadBuiltin: (name: unknown) => unknown
  readonly #modules = new Map<string, { exports: unknown }>()

  constructor(sources: ReadonlyMap<string, string>, loadBuiltin: (name: unknown) => unknown) {
    this.#sources = sources
    this.#loadBuiltin = loadBuiltin
  }

  run(filename: string): unknown {
    const known = this.#modules.get(filename)
    if (known !== undefined) return known.exports
    const source = this.#sources.get(filename) ?? ''
    const module = { exports: {} as unknown }
    this.#modules.set(filename, module)
    if (filename.endsWith('.json')) return (module.exports = JSON.parse(source) as unknown)
    const scope = {
      exports: module.exports,
      require: (name: unknown) => this.#require(name, filename),
      module,
      __filename: filename,
      __dirname: dirname(filename),
      process,
      global: globalThis,
    }
    const run = vm.compileFunction(source.replace(/^#!/, '//'), Object.keys(scope), { filename })
    Reflect.apply(run, module.exports, Object.values(scope))
    return module.exports
  }

  #require(name: unknown, from: string): unknown {
    if (typeof name !== 'string') throw new TypeError('The name of a module must be a string')
    const own = /^\.{0,2}\//.test(name) ? this.#find(resolve(dirname(from), name)) : MISSING
    if (own !== MISSING) return own
    return BASE_HOOKS.test(name) ? BaseShovelHooks : this.#loadBuiltin(name)
  }

  /** As node looks: the file itself, with an extension, the index of a folder. */
  #find(path: string): unknown {
    const found = [path, `${path}.js`, `${path}.cjs`, `${path}.json`, `${path}/index.js`].find((candidate) =>
      this.#sources.has(candidate),
    )
    return found === undefined ? MISSING : this.run(found)
  }
}
