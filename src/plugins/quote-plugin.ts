import { printable } from '../printable.js'

/** The name of a plugin or feature as it stands in messages. */
export function quotePlugin(name: string): string {
  return `'${printable(name, 128)}'`
}
