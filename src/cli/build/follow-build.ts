/** A build from its first event to its result. */
import type { BuildEvent, BuildResult } from '../../runner/build-events.js'
import type { Progress } from './progress.js'

/** The part of a build that is followed. */
export interface FollowedBuild extends AsyncIterable<BuildEvent> {
  readonly result: Promise<BuildResult>
}

/** What is left of a build, for its last lines. */
export interface BuildEnd {
  readonly result: BuildResult
  /** The last event; `null` when the log ended before it. */
  readonly event: BuildEvent | null
  /** Where the artifacts are now. */
  artifactsDir: string | null
}

/** Shows every event but the last, which is about the result. */
export async function followBuild(build: FollowedBuild, progress: Progress): Promise<BuildEnd> {
  let last: BuildEvent | null = null
  try {
    for await (const event of build) {
      if (event.type === 'finished') last = event
      else await progress.add(event)
    }
  } finally {
    progress.end()
  }
  const result = await build.result
  return { result, event: last, artifactsDir: result.artifactsDir }
}
