import { builtinModules, isBuiltin } from 'node:module'
import { z } from 'zod'
import { nearestName } from './nearest-name.js'
import { optionFacts, textOption } from './option.js'

const ALLOWED = "'home', or the name of a built-in module of Node, such as 'fs' or 'node:crypto'"
const MAX_PERMISSIONS = 256

/** Files of the home: a program may load them as modules. No built-in module has this name. */
const HOME = 'home'

/**
 * `permissions`: built-in modules that the program may load, and whether it may load files of the home. The result has no
 * `node:` prefix where Node knows the name without it.
 */
export const permissionsSchema = z
  .array(
    textOption({ type: 'module name', allowed: ALLOWED }, (name) => {
      if (name === HOME || isBuiltin(name)) return null
      const nearest = nearestName(name.replace(/^node:/, ''), [HOME, ...builtinModules])
      return nearest === null
        ? 'only built-in modules and files of the home can be permitted'
        : `did you mean '${nearest}'?`
    }),
    { error: 'an array of module names' },
  )
  .max(MAX_PERMISSIONS, { error: `at most ${MAX_PERMISSIONS} modules` })
  .transform((names) => [...new Set(names.map(withoutPrefix))].sort())
  .register(optionFacts, {
    type: 'array of strings',
    allowed: "names of built-in modules of Node, with or without `node:`, and `'home'`",
  })
  .readonly()

function withoutPrefix(name: string): string {
  const short = name.replace(/^node:/, '')
  return isBuiltin(short) ? short : name
}
