/** Half of a `Duplex`, a `Server` or a `Client` under a prefix, so that two users of one stream do not collide. */
import type { Exposed, ExposedObject } from '../method-tree.js'
import type { CallPromise } from './call-promise.js'

/** What is wrapped: it has what its class has. */
export interface Wrappable {
  call?(method: string, params?: unknown): CallPromise
  notify?(method: string, params?: unknown): void
  expose?(name: string, value: Exposed): void
  unexpose?(name: string): void
  _exposedObject?: object
}

const WRAPPED = new Set(['constructor', 'call', 'notify', 'expose', 'exposeObject', 'unexpose'])

/** The members that are not about names are those of the instance, for reading and for writing. */
export class NamespaceWrapper<Instance extends Wrappable> {
  readonly _isWrapper = true
  readonly #instance: Instance
  readonly #namespace: string

  constructor(instance: Instance, namespace: string) {
    this.#instance = instance
    this.#namespace = namespace
    for (let level: object = instance; level !== Object.prototype; level = Object.getPrototypeOf(level) as object) {
      for (const name of Object.getOwnPropertyNames(level)) if (!WRAPPED.has(name) && !(name in this)) this.#pass(name)
    }
  }

  call(method: string, params?: unknown): CallPromise {
    return this.#has('call').call(this.#name(method), params)
  }

  notify(method: string, params?: unknown): void {
    this.#has('notify').notify(this.#name(method), params)
  }

  expose(name: string, value: Exposed): void {
    this.#has('expose').expose(this.#name(name), value)
  }

  /** Replaces what is exposed in the namespace, and nothing else. */
  exposeObject(object: ExposedObject): void {
    if (this.#isExposed) this.unexpose()
    this.#has('expose').expose(this.#namespace, object)
  }

  /** Takes back a name, or without one the namespace. */
  unexpose(name?: string): void {
    this.#has('unexpose').unexpose(name === undefined ? this.#namespace : this.#name(name))
  }

  get #isExposed(): boolean {
    return Object.hasOwn(this.#instance._exposedObject ?? {}, this.#namespace)
  }

  #name(name: string): string {
    return `${this.#namespace}.${name}`
  }

  #has<Name extends keyof Wrappable>(name: Name): Required<Pick<Wrappable, Name>> {
    if (typeof this.#instance[name] !== 'function') throw new TypeError(`What is wrapped has no '${name}'`)
    return this.#instance as unknown as Required<Pick<Wrappable, Name>>
  }

  #pass(name: string): void {
    const members = this.#instance as Record<string, unknown>
    Object.defineProperty(this, name, {
      get: () => {
        const member = members[name]
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => Reflect.apply(member, this.#instance, args)
      },
      set: (value: unknown) => (members[name] = value),
      enumerable: true,
      configurable: true,
    })
  }
}
