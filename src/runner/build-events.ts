/** What is told of a build while it runs, and of what is left of it in the end. The same records are its log. */
import type { CommandOutcome } from '../sandbox/outcome.js'

/** How a build ended. `lost`: its sandbox, its engine or its runner was gone. `error`: something of ours or of the host failed. */
export type BuildOutcome = 'succeeded' | 'failed' | 'timeout' | 'canceled' | 'jailbreak' | 'lost' | 'error'

/** How far a build is. */
export type BuildState = 'queued' | 'starting' | 'running' | 'saving' | 'finished'

/** How one step ended. `skipped`: it was not run, since an earlier one failed or since it could not be begun (`BuildResult.error` tells why). */
export interface StepResult {
  readonly index: number
  readonly name: string
  readonly outcome: CommandOutcome | 'skipped'
  readonly exitCode: number | null
  readonly signal: string | null
  /** A failing step that the build went on after. */
  readonly continued: boolean
  readonly durationMs: number
  readonly cpuMs: number
  readonly maxRssBytes: number
}

/** What became of one cache of a build. */
export interface CacheResult {
  readonly key: string
  readonly restored: 'exact' | 'fallback' | 'none'
  readonly restoredBytes: number
  readonly saved: boolean
  readonly savedBytes: number
  /** Why it was not restored although there was something, or not saved where that is not the rule (an exact hit, a failed build). */
  readonly reason: string | null
}

/** One file that a build left; the path is relative to the artifacts' folder. Guest data. */
export interface ArtifactFile {
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink'
  readonly bytes: number
}

/** What went wrong beside the steps of a build. A step that failed or is lost is none. */
export interface BuildFailure {
  readonly code: string
  readonly message: string
}

/** What is left of a build. */
export interface BuildResult {
  readonly id: string
  readonly tenant: string
  readonly outcome: BuildOutcome
  readonly steps: readonly StepResult[]
  readonly caches: readonly CacheResult[]
  readonly artifacts: readonly ArtifactFile[]
  /** Folder of the artifacts on this host; `null` when there are none. */
  readonly artifactsDir: string | null
  /** Path of the log. */
  readonly logPath: string
  readonly logTruncated: boolean
  readonly error: BuildFailure | null
  /** Times of this host's clock, in ISO 8601. */
  readonly submittedAt: string
  readonly startedAt: string | null
  readonly finishedAt: string
  readonly queuedMs: number
  readonly durationMs: number
  readonly commit: string | null
}

/** What an event is about; `seq` and `time` are added when it is logged. */
export type BuildEventBody =
  | { readonly type: 'queued'; readonly id: string; readonly tenant: string; readonly steps: readonly string[] }
  | {
      readonly type: 'started'
      readonly waitMs: number
      readonly warm: boolean
      readonly sandboxId: string
      readonly workspace: 'memory' | 'disk'
    }
  | {
      readonly type: 'source'
      readonly entries: number
      readonly bytes: number
      readonly commit: string | null
      readonly durationMs: number
    }
  | {
      readonly type: 'cache'
      readonly key: string
      readonly action: 'restored' | 'missed' | 'saved' | 'skipped'
      readonly detail: string
      readonly bytes: number
    }
  | { readonly type: 'step'; readonly index: number; readonly name: string; readonly state: 'started' }
  | {
      readonly type: 'step'
      readonly index: number
      readonly name: string
      readonly state: 'finished'
      readonly result: StepResult
    }
  | { readonly type: 'output'; readonly step: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'violation'; readonly text: string }
  | { readonly type: 'truncated'; readonly limitBytes: number }
  | { readonly type: 'artifacts'; readonly entries: number; readonly bytes: number }
  | { readonly type: 'finished'; readonly result: BuildResult }

/** One line of the log. `seq` counts from 0; `time` is ISO 8601 of this host's clock. Texts of the guest are masked, not escaped. */
export type BuildEvent = { readonly seq: number; readonly time: string } & BuildEventBody
