/** What is different under gVisor (`runsc`), whose kernel is a process of its own: https://gvisor.dev/docs */

/**
 * Whether a runtime's name stands for gVisor: `runsc`, `gvisor`, names that begin so, such as `runsc-kvm`, and the
 * shim `io.containerd.runsc.v1`. Another name for it fails closed: the container does not start, or is refused by the audit.
 */
export function isGvisor(runtime: string): boolean {
  return /^(?:io\.containerd\.)?(?:runsc|gvisor)(?:[-_.]|$)/.test(runtime)
}

/**
 * Where init and the loader are started from. With Linux their files may be executed and not read, which makes the processes
 * non-dumpable; gVisor (tried: 20240729) refuses to execute a file that it may not read.
 */
export function executableFiles(runtime: string): { readonly init: string; readonly loader: string } {
  return isGvisor(runtime)
    ? { init: '/.sandbox/readable/init', loader: '/.sandbox/readable/ld.so' }
    : { init: '/.sandbox/bin/init', loader: '/.sandbox/lib/ld.so' }
}
