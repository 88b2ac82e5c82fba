/** The methods of a jail without a methods file: one that loads a file of the home, whose methods take its place. */

/** Of the guest: built-in modules and files of the home. */
declare const require: (path: string) => unknown

/** What actions call; the names in it change while the jail runs. */
export const methods: Record<string, unknown> = {
  'init methods': ({ filepath }: { readonly filepath: string }): void => {
    const loaded = (require(filepath) as { readonly methods?: unknown }).methods
    if (typeof loaded !== 'object' || loaded === null) {
      throw new TypeError(`exports.methods of ${filepath} must be an object of functions`)
    }
    for (const name of Object.keys(methods)) Reflect.deleteProperty(methods, name)
    Object.assign(methods, loaded)
  },
}
