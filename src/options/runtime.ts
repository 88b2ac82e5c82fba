import { textOption } from './option.js'

/** The runtime that every engine has. */
export const DEFAULT_RUNTIME = 'runc'

/** Names under which an engine registers runtimes; containerd's have dots (`io.containerd.runsc.v1`). */
const RUNTIME_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

/** `runtime`: what the engine starts the container with. */
export function runtimeOption() {
  return textOption(
    { type: 'string', allowed: "the name of a runtime that the engine has registered, such as 'runc' or 'runsc'" },
    (name) =>
      RUNTIME_NAME_PATTERN.test(name) ? null : "a name is made of letters, digits, '_', '.' and '-'; a path is refused",
  )
}

/**
 * Whether a runtime's name stands for gVisor: `runsc`, `gvisor`, names that begin so, such as `runsc-kvm`, and the
 * shim `io.containerd.runsc.v1`. Another name for it fails closed: the container does not start, or is refused by the audit.
 */
export function isGvisor(runtime: string): boolean {
  return /^(?:io\.containerd\.)?(?:runsc|gvisor)(?:[-_.]|$)/.test(runtime)
}
