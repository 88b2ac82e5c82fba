/** What old-style plugins of one sandbox find each other by: `_manager`. */

/** Instances by the names of their plugins, and by the features that they provide. */
export class OldPluginManager {
  readonly plugins: Record<string, object> = Object.create(null) as Record<string, object>
  readonly #names: string[] = []

  /** @internal */
  add(name: string, features: readonly string[], instance: object): void {
    this.#names.push(name)
    for (const feature of features) this.plugins[feature] = instance
  }

  /** A member of every plugin that has it, by the plugin's name. */
  get(variable: string): Record<string, unknown> {
    const found: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    for (const name of this.#names) {
      const value = (this.plugins[name] as Record<string, unknown>)[variable]
      if (value !== undefined) found[name] = value
    }
    return found
  }

  /** Calls `on<Event>` of every plugin that has it, in order. */
  call(event: string, ...args: unknown[]): void {
    const hook = `on${event.charAt(0).toUpperCase()}${event.slice(1)}`
    for (const name of this.#names) {
      const instance = this.plugins[name] as Record<string, unknown>
      const method = instance[hook]
      if (typeof method === 'function') Reflect.apply(method, instance, args)
    }
  }
}
