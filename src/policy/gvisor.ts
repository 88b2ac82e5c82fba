/** What is different under gVisor (`runsc`), whose kernel is a process of its own: https://gvisor.dev/docs */

import { isGvisor } from '../options/index.js'

export { isGvisor }

/**
 * Where init and the loader are started from. With Linux their files may be executed and not read, which makes the processes
 * non-dumpable; gVisor (tried: 20240729) refuses to execute a file that it may not read.
 */
export function executableFiles(runtime: string): { readonly init: string; readonly loader: string } {
  return isGvisor(runtime)
    ? { init: '/.sandbox/readable/init', loader: '/.sandbox/readable/ld.so' }
    : { init: '/.sandbox/bin/init', loader: '/.sandbox/lib/ld.so' }
}
