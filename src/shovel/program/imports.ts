/**
 * `import` of a program, on node's `vm`: node's own loader asks nobody for permission.
 *
 * A module is made once for each file, and linked before it runs. Links wait for each other: a module that two of them reach at
 * the same time would be run before it is whole.
 */
import vm from 'node:vm'

/** Finds the module that a name means, seen from a file. */
export type Resolver = (name: string, base: string, imports: Imports) => Promise<vm.Module>

/** The modules of one program. */
export class Imports {
  readonly #resolve: Resolver
  readonly #bases = new WeakMap<vm.Module, string>()
  #linking: Promise<unknown> = Promise.resolve()

  constructor(resolve: Resolver) {
    this.#resolve = resolve
  }

  /** Compiles a module. @param base the path that its imports are resolved from. @throws {SyntaxError} */
  compile(source: string, identifier: string, base: string, meta: Readonly<Record<string, unknown>>): vm.Module {
    const module = new vm.SourceTextModule(withoutHashbang(source), {
      identifier,
      initializeImportMeta: (target) => Object.assign(target, meta),
      importModuleDynamically: (name: string) => this.import(name, base),
    })
    this.#bases.set(module, base)
    return module
  }

  /** `import(name)` in a file. */
  async import(name: string, base: string): Promise<vm.Module> {
    const module = await this.#resolve(name, base, this)
    await this.run(module)
    return module
  }

  /** Links a module with all that it imports, and runs it. */
  async run(module: vm.Module): Promise<void> {
    const linked = this.#linking.then(async () => {
      if (module.status !== 'unlinked') return
      await module.link((name, importer) => this.#resolve(name, this.#bases.get(importer) ?? '/', this))
    })
    this.#linking = linked.catch(() => undefined)
    await linked
    await module.evaluate()
  }
}

/** @returns imports of built-in modules, and of nothing else. @param loadBuiltin refuses every other name */
export function builtinImports(loadBuiltin: (name: unknown) => unknown): Imports {
  return new Imports((name) => Promise.resolve(moduleOf(loadBuiltin(name), name)))
}

/** A module that is made of what a CommonJS or a built-in module exports. */
export function moduleOf(exported: unknown, identifier: string): vm.Module {
  const isObject = (typeof exported === 'object' && exported !== null) || typeof exported === 'function'
  const members = isObject ? (exported as Record<string, unknown>) : {}
  const names = Object.keys(members).filter((key) => key !== 'default')
  const module = new vm.SyntheticModule(
    ['default', ...names],
    () => {
      module.setExport('default', exported)
      for (const key of names) module.setExport(key, members[key])
    },
    { identifier },
  )
  return module
}

/** A first line for the shell means nothing here, and lines keep their numbers. */
export function withoutHashbang(source: string): string {
  return source.replace(/^#!/, '//')
}
