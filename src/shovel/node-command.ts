/** How node is started inside, where it runs under a loader and libraries of its own. */
import { existsSync } from 'node:fs'

/**
 * The command line that starts node. Under an explicit loader `process.execPath` is the loader, so that whatever
 * starts "this node" again needs the whole line.
 * @param sandboxDir the folder of the bundle, `/.sandbox` in a container. Where it holds no loader (tests on the host)
 * the running node is taken.
 */
export function nodeCommand(sandboxDir: string): [string, ...string[]] {
  const loader = `${sandboxDir}/lib/ld.so`
  if (!existsSync(loader)) return [process.execPath]
  return [loader, '--inhibit-cache', '--library-path', `${sandboxDir}/lib`, `${sandboxDir}/bin/node`]
}
