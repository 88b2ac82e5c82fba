/** `build`: one build out of a file, with a runner that lives as long as it does. */
import { join, resolve } from 'node:path'
import { isatty } from 'node:tty'
import type { BuildOptions } from '../options/index.js'
import { assertFreeFolder, copyArtifacts } from './build/copy-artifacts.js'
import { buildExitCode } from './build/build-exit-code.js'
import { readBuildFile } from './build/build-file.js'
import type { BuildFlags } from './build/build-flags.js'
import { composeBuild } from './build/compose-build.js'
import { describeResult, formatBytes, formatCount } from './build/event-text.js'
import { followBuild, type BuildEnd, type FollowedBuild } from './build/follow-build.js'
import { LiveProgress } from './build/live-progress.js'
import { PlainProgress } from './build/plain-progress.js'
import { JsonProgress, jsonLine, type Progress } from './build/progress.js'
import { EXIT_FAILURE, signalExitCode } from './exit-code.js'
import { describeFailure } from './failure.js'
import { SignalForwarder } from './signal-forwarder.js'
import { escapeLines, type Terminal } from './terminal.js'
import { choosePaint, type Paint } from './trace/event-line.js'

/** What a build is run by. */
export interface BuildService {
  submit(options: BuildOptions): Promise<FollowedBuild>
  close(options: { readonly cancel: boolean }): Promise<void>
}

/** Opens a service for the flags of one call. */
export type OpenService = (flags: BuildFlags) => Promise<BuildService>

/**
 * The first signal cancels the build; a second one ends this process at once, and the sandbox ends itself because nobody listens
 * any more.
 *
 * @returns the exit code; failures are printed
 */
export async function buildCommand(
  terminal: Terminal,
  path: string,
  flags: BuildFlags,
  open: OpenService = openWhenNeeded,
): Promise<number> {
  try {
    const file = await readBuildFile(path)
    const options = await composeBuild(file, flags)
    if (flags.artifacts !== undefined) await assertFreeFolder(flags.artifacts)
    return await run(terminal, options, flags, open)
  } catch (error) {
    reportFailure(terminal, flags, error)
    return EXIT_FAILURE
  }
}

/** A file that is wrong is told without loading what runs builds. */
async function openWhenNeeded(flags: BuildFlags): Promise<BuildService> {
  return (await import('./build/open-runner.js')).openRunner(flags)
}

async function run(terminal: Terminal, options: BuildOptions, flags: BuildFlags, open: OpenService): Promise<number> {
  const paint = choosePaint({ wanted: flags.color !== false, isTerminal: isatty(1), env: process.env })
  const progress = chooseProgress(terminal, flags, paint)
  using signals = new SignalForwarder()
  const canceled = new AbortController()
  let count = 0
  signals.attach({
    kill: () => {
      count += 1
      // Not process.exit(): it waits for a write that is stuck in a pipe which nobody reads.
      if (count > 1) process.kill(process.pid, 'SIGKILL')
      progress.note('canceling; once more ends at once')
      canceled.abort()
      return true
    },
  })
  const service = await open(flags)
  try {
    if (canceled.signal.aborted) return signalExitCode(signals.received ?? 'SIGINT')
    const build = await service.submit({ ...options, signal: canceled.signal })
    const end = await followBuild(build, progress)
    const failure = await takeArtifacts(end, flags)
    tell(terminal, end, flags, paint)
    if (failure !== null) throw failure
    return buildExitCode(end.result, signals.received)
  } finally {
    progress.end()
    await service.close({ cancel: true })
  }
}

function chooseProgress(terminal: Terminal, flags: BuildFlags, paint: Paint): Progress {
  const sink = terminal.output
  if (flags.json === true) return new JsonProgress(sink)
  if (!isatty(1) || process.env['TERM'] === 'dumb') return new PlainProgress(sink)
  return new LiveProgress({ sink, paint, columns: () => process.stdout.columns || 80 })
}

/** @returns what went wrong; the build has ended as it has, whatever becomes of its artifacts here */
async function takeArtifacts(end: BuildEnd, flags: BuildFlags): Promise<Error | null> {
  const { artifactsDir } = end.result
  if (flags.artifacts === undefined || artifactsDir === null) return null
  try {
    await copyArtifacts(artifactsDir, flags.artifacts)
    end.artifactsDir = resolve(flags.artifacts)
    return null
  } catch (error) {
    return error as Error
  }
}

/** The result, as the last lines of the progress. */
function tell(terminal: Terminal, end: BuildEnd, flags: BuildFlags, paint: Paint): void {
  const { result, artifactsDir } = end
  if (flags.json === true) {
    terminal.output.write(jsonLine({ ...end.event, result: { ...result, artifactsDir } }))
    return
  }
  const lines = []
  if (artifactsDir !== null) {
    const bytes = result.artifacts.reduce((sum, file) => sum + file.bytes, 0)
    lines.push(`${formatCount(result.artifacts.length, 'artifact')} (${formatBytes(bytes)}) in ${artifactsDir}`)
  }
  lines.push(`log: ${result.logPath}${result.logTruncated ? ' (not all output had room in it)' : ''}`)
  if (flags.trace === true) lines.push(`trace: ${join(result.logPath, '../trace.json')}`)
  for (const line of lines) terminal.print(line)
  const ending = escapeLines(describeResult(result))
  terminal.output.write(`${result.outcome === 'succeeded' ? ending : paint('red', ending)}\n`)
}

function reportFailure(terminal: Terminal, flags: BuildFlags, error: unknown): void {
  const failure = describeFailure(error)
  if (flags.json === true) terminal.output.write(jsonLine({ error: failure }))
  else terminal.printError(failure.message)
}
