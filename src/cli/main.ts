#!/usr/bin/env node
/** The command line. Each command stands in its own file and is loaded when it is used. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addBuildOptions, type BuildFlags } from './build/build-flags.js'
import { EXIT_FAILURE } from './exit-code.js'
import { describeFailure } from './failure.js'
import { addRunOptions, type RunFlags } from './run-flags.js'
import type { ToolchainFlags } from './image-toolchain.js'
import { Terminal } from './terminal.js'
import { addTraceOptions, type TraceFlags } from './trace/trace-flags.js'
import { addUsersOptions, type UsersFlags } from './users-flags.js'

const terminal = new Terminal()
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

let exitCode = 0
let json = false

/** Runs the action of a command and keeps its exit code. */
function action<A extends unknown[]>(perform: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    // Commander passes the flags last but one, after the positional arguments.
    json = (args.at(-2) as { json?: boolean }).json === true
    exitCode = await perform(...args)
  }
}

const TRACE_HELP = `
Without --policy nothing is judged: everything is allowed and told. Watching is no protection; the container protects.

  container-sandbox trace -- make                                      what does make do?
  container-sandbox trace --report make.html -- make                   the same as a page for a browser
  container-sandbox trace --learn make.json -- make                    allow what it does; again adds to it
  container-sandbox trace --policy make.json -- make                   end it when it does anything else
  container-sandbox trace --policy make.json --on-violation report -- make

Exit codes: those of run; 137 when the policy ended the command.`

const BUILD_HELP = `
  steps:                      # build.yaml; the source is the folder that holds it
    - run: ./configure && make
    - { name: test, run: [make, check], timeoutMs: 5m }
  artifacts: ['dist/**']

Exit codes: 0 succeeded; else that of the step that failed; 124 timeout, 125 our failure, 130 and 143 canceled, 137 killed.`

const program = new Command('container-sandbox')
  .description('Run untrusted code inside hardened containers.')
  .version(version)
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: (text) => terminal.printError(text.replace(/^error: /, '').trimEnd()),
  })
  .addHelpText('after', '\nThe engine is found through DOCKER_HOST, the docker context, or /var/run/docker.sock.')

addRunOptions(program.command('run'))
  .description('run one command in a new sandbox')
  .argument('<command>', 'what to run, looked up in the PATH of the sandbox')
  .argument('[args...]')
  .passThroughOptions()
  .addHelpText(
    'after',
    '\nExit codes: those of the command; 124 timeout, 125 our failure, 126 not executable, 127 not found, 137 killed.',
  )
  .action(
    action(async (command: string, args: string[], flags: RunFlags, _self: Command) => {
      const { runCommand } = await import('./run.js')
      return runCommand(terminal, command, args, flags)
    }),
  )

addTraceOptions(program.command('trace'))
  .description('run one command in a new sandbox and tell what it does with files, programs and connections')
  .argument('<command>', 'what to run, looked up in the PATH of the sandbox')
  .argument('[args...]')
  .passThroughOptions()
  .addHelpText('after', TRACE_HELP)
  .action(
    action(async (command: string, args: string[], flags: TraceFlags, _self: Command) => {
      const { traceCommand } = await import('./trace.js')
      return traceCommand(terminal, command, args, flags)
    }),
  )

addBuildOptions(program.command('build'))
  .description('run a build in a new sandbox: the steps that a file names, over a source')
  .argument('<file>', 'YAML or JSON; docs/building.md has what it may hold')
  .addHelpText('after', BUILD_HELP)
  .action(
    action(async (path: string, flags: BuildFlags, _self: Command) =>
      (await import('./build.js')).buildCommand(terminal, path, flags),
    ),
  )

const image = program.command('image').description('images that sandboxes are made of')

image
  .command('build')
  .description('build the runner base from this machine, unless the engine has it')
  .option('--base <image>', 'prepare another base instead: an image reference')
  .option('--json', 'print the result as JSON')
  .action(
    action(async (flags: { base?: string; json?: boolean }, _self: Command) =>
      (await import('./image.js')).buildImage(terminal, flags),
    ),
  )

image
  .command('toolchain')
  .description('make a Debian with gcc, make, git, python3, node and npm, unless the engine has it')
  .option('--suite <name>', 'release of Debian (default: bookworm)')
  .option('--mirror <url>', "where packages come from (default: Debian's own, with security updates)")
  .option('--include <package...>', 'further packages')
  .option('--json', 'print the result as JSON')
  .action(
    action(async (flags: ToolchainFlags, _self: Command) =>
      (await import('./image-toolchain.js')).makeToolchainImage(terminal, flags),
    ),
  )

image
  .command('list')
  .description('list the images of this package')
  .option('--json', 'print the list as JSON')
  .action(
    action(async (flags: { json?: boolean }, _self: Command) =>
      (await import('./image.js')).listImages(terminal, flags),
    ),
  )

image
  .command('remove')
  .description('remove images of this package')
  .argument('<image...>', 'tags or ids as `image list` shows them')
  .option('--json', 'print the result as JSON')
  .action(
    action(async (references: string[], flags: { json?: boolean }, _self: Command) =>
      (await import('./image.js')).removeImages(terminal, references, flags),
    ),
  )

const users = program.command('users').description('users of a file, who have no account on this host')

addUsersOptions(users.command('list'))
  .description('list the users')
  .action(action(async (flags: UsersFlags, _self: Command) => (await import('./users.js')).listUsers(terminal, flags)))

addUsersOptions(users.command('add'))
  .description('add a user, who logs in once there is a password')
  .argument('<name>', '1 to 32 of a-z, 0-9, _ and -')
  .option('--home <folder>', "folder whose content becomes the root of the user's sandboxes")
  .action(
    action(async (name: string, flags: UsersFlags & { home?: string }, _self: Command) =>
      (await import('./users.js')).addUser(terminal, name, flags),
    ),
  )

addUsersOptions(users.command('passwd'))
  .description('set the password of a user: asked for on a terminal, otherwise one line of stdin')
  .argument('<name>')
  .action(
    action(async (name: string, flags: UsersFlags, _self: Command) =>
      (await import('./users.js')).changePassword(terminal, name, flags),
    ),
  )

addUsersOptions(users.command('remove'))
  .description('remove users; their uids are never given to anybody else')
  .argument('<name...>')
  .action(
    action(async (names: string[], flags: UsersFlags, _self: Command) =>
      (await import('./users.js')).removeUsers(terminal, names, flags),
    ),
  )

program
  .command('ps')
  .description('list the sandboxes that the engine has')
  .option('--json', 'print the list as JSON')
  .action(
    action(async (flags: { json?: boolean }, _self: Command) =>
      (await import('./ps.js')).listSandboxes(terminal, flags),
    ),
  )

program
  .command('prune')
  .description('remove sandboxes whose owner is gone or whose deadline has passed')
  .option('--images', 'also remove images that no sandbox uses and that were made more than a day ago; toolchains stay')
  .option('--all', 'with --images: images of any age')
  .option('--json', 'print the report as JSON')
  .action(
    action(async (flags: { all?: boolean; images?: boolean; json?: boolean }, _self: Command) =>
      (await import('./prune.js')).pruneSandboxes(terminal, flags),
    ),
  )

program
  .command('doctor')
  .description('tell what this machine and its engine can enforce, and what to do about the rest')
  .option('--json', 'print the findings as JSON')
  .action(
    action(async (flags: { json?: boolean }, _self: Command) =>
      (await import('./doctor.js')).diagnoseEngine(terminal, flags),
    ),
  )

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message. Help and version were asked for.
    exitCode = error.exitCode === 0 ? 0 : EXIT_FAILURE
  } else {
    exitCode = EXIT_FAILURE
    const failure = describeFailure(error)
    if (json) terminal.printJson({ error: failure })
    else terminal.printError(failure.message)
  }
}
await terminal.flush()
// Open handles, such as a stdin that never ends, are of no interest any more.
process.exit(exitCode)
