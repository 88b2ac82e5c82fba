/** What happens in a build, in words for people. */
import { printable } from '../../printable.js'
import type { BuildEvent, BuildResult, StepResult } from '../../runner/build-events.js'

/** Longest name of a step in a line. */
const MAX_NAME_CHARS = 120

/** Shorter waits are no news. */
const WORTH_TELLING_MS = 1_000

/** `0.3s`, `42.1s`, `3m 05s`, `2h 07m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`
  return `${Math.floor(whole / 3_600)}h ${two(Math.floor((whole % 3_600) / 60))}m`
}

/** `512 B`, `1.2 KiB`, `3.4 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return unit === 'B' ? `${value} B` : `${value.toFixed(1)} ${unit}`
    value /= 1024
  }
  return `${value.toFixed(1)} TiB`
}

/** `1 file`, `2,000 files`. */
export function formatCount(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`
}

/** A name of the build file on one line. */
export function showName(name: string): string {
  return printable(name.replaceAll(/\s+/g, ' '), MAX_NAME_CHARS)
}

/** `true` for a step that did what it should. */
export function hasSucceeded({ outcome, exitCode }: StepResult): boolean {
  return (outcome === 'exited' || outcome === 'outputLimit') && exitCode === 0
}

/** How a step ended, after its name: `exit code 2`. */
export function describeEnd({ outcome, exitCode, signal }: StepResult): string {
  switch (outcome) {
    case 'exited':
    case 'outputLimit':
      return exitCode === null ? `ended by ${printable(signal ?? 'a signal', 20)}` : `exit code ${exitCode}`
    case 'signaled':
      return `ended by ${printable(signal ?? 'a signal', 20)}`
    case 'timeout':
      return 'ran out of time'
    case 'cpuTime':
      return 'used up its CPU time'
    case 'oom':
      return 'ran out of memory'
    case 'canceled':
      return 'canceled'
    case 'jailbreak':
      return 'did what the trace policy does not allow'
    case 'lost':
      return 'lost with its sandbox'
    case 'skipped':
      return 'skipped'
  }
}

/** One line about an event that is no step and no output; `null` for those that need none. */
export function describeEvent(event: BuildEvent): string | null {
  switch (event.type) {
    case 'started': {
      const workspace = event.workspace === 'disk' ? 'on disk' : 'in memory'
      const waited = event.waitMs < WORTH_TELLING_MS ? '' : `, after ${formatDuration(event.waitMs)} in the queue`
      return `sandbox: ${event.warm ? 'warm' : 'new'}${waited}; workspace ${workspace}`
    }
    case 'source': {
      const commit = event.commit === null ? '' : `, commit ${printable(event.commit.slice(0, 12))}`
      const held = `${formatCount(event.entries, 'entry', 'entries')}, ${formatBytes(event.bytes)}${commit}`
      return `source: ${held}, ${formatDuration(event.durationMs)}`
    }
    case 'cache': {
      if (event.action === 'missed') return `cache ${showName(event.key)}: none yet`
      const detail = event.detail === '' ? '' : `, ${printable(event.detail, 200)}`
      const bytes = event.bytes > 0 ? `, ${formatBytes(event.bytes)}` : ''
      return `cache ${showName(event.key)}: ${event.action}${bytes}${detail}`
    }
    case 'violation':
      return `not allowed: ${printable(describeViolation(event.text), 400)}`
    case 'truncated':
      return `the log is full (${formatBytes(event.limitBytes)}): further output is not kept`
    case 'artifacts':
      return `artifacts: ${formatCount(event.entries, 'entry', 'entries')}, ${formatBytes(event.bytes)}`
    default:
      return null
  }
}

/** `read /etc/passwd (cat)`: the log has the whole event, or as much of it as there was room for. */
function describeViolation(text: string): string {
  try {
    const { access, path, file, command } = JSON.parse(text) as Readonly<Record<string, unknown>>
    const name = typeof path === 'string' ? path : file
    const [program] = Array.isArray(command) ? (command as readonly unknown[]) : []
    if (typeof access !== 'string' || typeof name !== 'string') return text
    return typeof program === 'string' ? `${access} ${name} (${program})` : `${access} ${name}`
  } catch {
    // It was cut.
    return text
  }
}

/** The step that decided a build, if one did. */
export function failingStep({ steps }: BuildResult): StepResult | null {
  return steps.find((step) => step.outcome !== 'skipped' && !step.continued && !hasSucceeded(step)) ?? null
}

/** The last line: how it ended, why, and in what time. */
export function describeResult(result: BuildResult): string {
  const time = formatDuration(result.durationMs)
  const error = result.error === null ? '' : `: ${printable(result.error.message, 1_000)}`
  switch (result.outcome) {
    case 'succeeded':
      return `succeeded in ${time}`
    case 'canceled':
      return `canceled after ${time}`
    case 'lost':
      return `lost after ${time}${error}`
    case 'error':
      return `not done, after ${time}${error}`
    default: {
      const step = failingStep(result)
      const head = result.outcome === 'timeout' ? 'ran out of time' : 'failed'
      const why =
        step === null
          ? error
          : `: step ${step.index + 1} of ${result.steps.length} (${showName(step.name)}): ${describeEnd(step)}`
      return `${head} after ${time}${why}`
    }
  }
}
