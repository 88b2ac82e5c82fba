/** How a build is shown while it runs. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { escapeUnprintable } from '../../printable.js'
import type { BuildEvent, BuildResult } from '../../runner/build-events.js'

/** Shows the events of one build, in their order. */
export interface Progress {
  /** Resolves when there is room for the next. */
  add(event: BuildEvent): Promise<void>
  /** A word of our own in between. */
  note(text: string): void
  /**
   * Shows what is not shown yet. Idempotent.
   * @param result - when there is one: of steps that were skipped it alone tells
   */
  end(result?: BuildResult): void
}

/** Where it is shown. */
export type ProgressSink = Pick<
  Writable,
  'write' | 'writableLength' | 'destroyed' | 'writableNeedDrain' | 'once' | 'off'
>

/** Waits until a sink takes more, or nobody reads it any more. */
export async function roomIn(sink: ProgressSink): Promise<void> {
  if (!sink.writableNeedDrain || sink.destroyed) return
  const found = new AbortController()
  const wait = (name: string): Promise<unknown> => once(sink as Writable, name, { signal: found.signal })
  try {
    await Promise.race([wait('drain'), wait('close')])
  } catch {
    // It failed, which `close` follows: there is no reader.
  } finally {
    found.abort()
  }
}

/** One line as JSON, safe to show in a terminal. */
export function jsonLine(value: unknown): string {
  return `${escapeUnprintable(JSON.stringify(value))}\n`
}

/** Every event as a line of JSON. */
export class JsonProgress implements Progress {
  readonly #sink: ProgressSink

  constructor(sink: ProgressSink) {
    this.#sink = sink
  }

  async add(event: BuildEvent): Promise<void> {
    this.#sink.write(jsonLine(event))
    await roomIn(this.#sink)
  }

  note(): void {
    // Lines are events and nothing else.
  }

  end(): void {
    // Nothing waits.
  }
}
