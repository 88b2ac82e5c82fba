/** The command line of the tracer: `tracer`, which starts strace with these arguments, strace(1). */
import { TRACED_CALLS } from './calls/index.js'

/** How long strings may be that are no paths, for example arguments of a command; strace's own default is 32. */
const MAX_STRING_BYTES = 512

/** What the tracer's command line depends on. */
export interface TracerArguments {
  readonly calls: 'named' | 'all'
  readonly pinCpu: boolean
}

/**
 * - `-f`: every process and thread that a traced one makes.
 * - `-ttt`: times since 1970 with microseconds. `-y`: paths of descriptors.
 * - `--seccomp-bpf`: between traced calls a process runs free. It holds for the filter that the init has installed.
 * - `-e signal=!SIGCHLD`: the end of a child is told by its own line.
 * - with all calls, those that name nothing are printed raw: their arguments cost nothing.
 * @returns what the tracer's container starts with
 */
export function buildTracerArgv({ calls, pinCpu }: TracerArguments): string[] {
  const named = TRACED_CALLS.map((name) => `?${name}`).join(',')
  return [
    '/bin/tracer',
    ...(pinCpu ? ['--pin-to', '1'] : []),
    '--',
    '/bin/strace',
    '-f',
    '-ttt',
    '-y',
    '-s',
    String(MAX_STRING_BYTES),
    ...(calls === 'named' ? ['--seccomp-bpf', '-e', `trace=${named}`] : ['-e', 'trace=all', '-e', `raw=!${named}`]),
    '-e',
    'signal=!SIGCHLD',
    '-p',
    '1',
  ]
}
