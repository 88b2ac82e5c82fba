/** A build from its first event to its result. */
import { printable } from '../../printable.js'
import type { BuildEvent, BuildResult } from '../../runner/build-events.js'
import type { Progress } from './progress.js'

/** The part of a build that is followed. */
export interface FollowedBuild extends AsyncIterable<BuildEvent> {
  readonly result: Promise<BuildResult>
}

/** What is left of a build, for its last lines. */
export interface BuildEnd {
  readonly result: BuildResult
  /** The last event, made up when the log ended before it. */
  readonly event: BuildEvent & { readonly type: 'finished' }
  /** Where the artifacts are now. */
  artifactsDir: string | null
}

/** Shows every event but the last, which is about the result. */
export async function followBuild(build: FollowedBuild, progress: Progress): Promise<BuildEnd> {
  let last: BuildEnd['event'] | null = null
  let count = 0
  let result: BuildResult | undefined
  try {
    for await (const event of build) {
      count += 1
      if (event.type === 'finished') last = event
      else await progress.add(event)
    }
  } catch (error) {
    // Its log cannot be read, on a full disk for example; the build goes on.
    progress.note(`no further events: ${printable(error instanceof Error ? error.message : String(error), 1_000)}`)
  }
  try {
    result = await build.result
  } finally {
    progress.end(result)
  }
  const event = last ?? { seq: count, time: result.finishedAt, type: 'finished', result }
  return { result, event, artifactsDir: result.artifactsDir }
}
