/** What the flags of `trace` mean as the option `trace` of a sandbox. */
import { resolve } from 'node:path'
import { InvalidOptionsError } from '../../errors.js'
import { parseTracePolicyFile, type SandboxOptions } from '../../options/index.js'
import { readHostText } from './host-files.js'
import type { TraceFlags } from './trace-flags.js'

/** What a trace is asked for. */
export interface TraceRequest {
  readonly trace: NonNullable<SandboxOptions['trace']>
  /** The policy as a report shows it; `null` when nothing is judged. */
  readonly policy: Readonly<Record<string, unknown>> | null
}

/**
 * Reads the policy file and joins it with the flags, which win.
 * @throws {InvalidOptionsError} {@link HostFileError}
 */
export async function buildTraceRequest(flags: TraceFlags): Promise<TraceRequest> {
  assertOutputs(flags)
  const file = flags.policy === undefined ? {} : parseTracePolicyFile(await readHostText(flags.policy), flags.policy)
  const judges = flags.policy !== undefined || flags.onViolation !== undefined
  const onViolation = flags.onViolation ?? file.onViolation ?? 'kill'
  const calls = flags.calls ?? (flags.learnSeccomp === undefined ? file.calls : 'all')
  const options = {
    ...file,
    ...(judges ? { onViolation } : {}),
    ...(calls === undefined ? {} : { calls }),
    ...(flags.log === undefined ? {} : { log: resolve(flags.log) }),
  }
  return {
    trace: Object.keys(options).length === 0 ? true : options,
    policy: judges ? { ...file, onViolation } : null,
  }
}

function assertOutputs(flags: TraceFlags): void {
  if (flags.learnSeccomp !== undefined && flags.calls === 'named')
    throw new InvalidOptionsError('--learn-seccomp needs --calls all: a call that was not traced may have been used.')
  const outputs = new Map<string, string>()
  for (const name of ['learn', 'learnSeccomp', 'report', 'log'] as const) {
    const path = flags[name]
    if (path === undefined) continue
    const flag = `--${name.replace('S', '-s')}`
    const other = outputs.get(resolve(path))
    if (other !== undefined)
      throw new InvalidOptionsError(`${other} and ${flag} name the same file: give each its own.`)
    outputs.set(resolve(path), flag)
  }
}
