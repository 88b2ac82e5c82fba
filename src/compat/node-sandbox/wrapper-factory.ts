/** The old package's check of `process.binding`. It protects nothing: in a sandbox the container does. */

/** Makes replacements of functions of node. */
export const wrapperFactory = {
  /**
   * @param original what answers for the names that are allowed.
   * @returns a function that throws for every other name.
   */
  processBinding<Binding>(original: (name: string) => Binding, allowed: readonly string[]): (name: string) => Binding {
    return (name) => {
      if (!allowed.includes(name)) throw new Error(`Tried to load a non-white listed module \`${name}\`!`)
      return original(name)
    }
  },
}
