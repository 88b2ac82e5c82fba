/** How node is started inside, where it runs under a loader and libraries of its own. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'

/**
 * The command line that starts node. Under an explicit loader `process.execPath` is the loader, so that whatever
 * starts "this node" again needs the whole line.
 * @param sandboxDir the folder of the bundle, `/.sandbox` in a container. Where it holds no loader (tests on the host)
 * the running node is taken.
 */
export function nodeCommand(sandboxDir: string): [string, ...string[]] {
  const libraries = `${sandboxDir}/lib`
  if (!existsSync(`${libraries}/ld.so`)) return [process.execPath]
  // The loader that runs this process: under gVisor it is another file than elsewhere.
  const loader = dirname(process.execPath) === `${sandboxDir}/readable` ? process.execPath : `${libraries}/ld.so`
  return [loader, '--inhibit-cache', '--library-path', libraries, `${sandboxDir}/bin/node`]
}
