/** Telling modules from scripts, where the name of a file does not. */
import vm from 'node:vm'
import { withoutHashbang } from './imports.js'

/** What V8 says when a script holds something that only a module may. */
const MODULE_SYNTAX = /import statement|Unexpected token 'export'|'import\.meta'|await is only valid/

/** @param error what the compilation of a script threw. */
export function isModuleSyntax(error: unknown): boolean {
  return error instanceof SyntaxError && MODULE_SYNTAX.test(error.message)
}

/** @returns whether the text is a module, and no script; `false` for what is neither. */
export function isModuleText(source: string): boolean {
  try {
    vm.compileFunction(withoutHashbang(source), ['exports', 'require', 'module', '__filename', '__dirname'])
    return false
  } catch (error) {
    return isModuleSyntax(error)
  }
}
