/** From the old `permissions`, names for `process.binding`, to built-in modules that the program may `require`. */
import { isBuiltin } from 'node:module'

/** Bindings of node 0.8 whose module has another name. Those that no module stands for mean nothing. */
const MODULES: Readonly<Record<string, string>> = {
  cares_wrap: 'dns',
  contextify: 'vm',
  evals: 'vm',
  fs_event_wrap: 'fs',
  http_parser: 'http',
  process_wrap: 'child_process',
  tcp_wrap: 'net',
  timer_wrap: 'timers',
  tls_wrap: 'tls',
  tty_wrap: '',
  udp_wrap: 'dgram',
}

/** What the drop-in's own code in the sandbox needs. The user's program gets none of it. */
const OWN = ['module', 'path', 'process', 'stream', 'vm']

/** @returns the modules for names of bindings, and for names of modules as they are today, without `node:`. */
export function permittedModules(permissions: readonly string[]): string[] {
  const names = permissions.map((name) => (Object.hasOwn(MODULES, name) ? MODULES[name] : name.replace(/^node:/, '')))
  return [...new Set(names)].filter((name): name is string => name !== undefined && isBuiltin(name))
}

/** What the sandbox permits to the drop-in's own program. */
export function sandboxPermissions(modules: readonly string[]): string[] {
  return [...new Set([...OWN, ...modules])]
}
