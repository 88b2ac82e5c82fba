/** The flags of `trace` besides those of `run`. */
import { Option, type Command } from 'commander'
import { addRunOptions, type RunFlags } from '../run-flags.js'

/** What commander makes of the flags. */
export interface TraceFlags extends RunFlags {
  readonly policy?: string
  readonly onViolation?: 'kill' | 'report'
  readonly calls?: 'named' | 'all'
  readonly learn?: string
  readonly learnSeccomp?: string
  readonly report?: string
  readonly log?: string
  readonly events?: boolean
  readonly quiet?: boolean
  /** `false` with `--no-color`. */
  readonly color?: boolean
}

/** Adds the flags of `run` and those of `trace` to a command. */
export function addTraceOptions(command: Command): Command {
  const flags: readonly Option[] = [
    new Option('--policy <file>', 'JSON file that says what may be read, written, executed and connected to'),
    new Option(
      '--on-violation <action>',
      "what follows an access that the policy does not allow; default 'kill'",
    ).choices(['kill', 'report']),
    new Option('--learn <file>', 'write a policy that allows what was seen; what the file allows already is kept'),
    new Option(
      '--learn-seccomp <file>',
      'write a seccomp profile with the system calls that were used; traces all calls',
    ),
    new Option('--report <file>', 'write a page for a browser that shows what happened'),
    new Option('--log <file>', 'write every event as a line of JSON; the file must not be there yet'),
    new Option(
      '--calls <which>',
      "which system calls: 'named' (default), or 'all', which is many times slower",
    ).choices(['named', 'all']),
    new Option('--events', 'print every event on stderr, as on a terminal'),
    new Option('-q, --quiet', 'print only violations and the summary').conflicts('events'),
    new Option('--no-color', 'print without colours; so does NO_COLOR'),
  ]
  addRunOptions(command)
  for (const flag of flags) command.addOption(flag)
  return command
}
