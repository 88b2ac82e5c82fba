/** A build as lines of text, for logs and pipes. */
import type { BuildEvent, BuildResult } from '../../runner/build-events.js'
import { describeEnd, describeEvent, formatDuration, showName } from './event-text.js'
import { roomIn, type Progress, type ProgressSink } from './progress.js'
import { StepOutput } from './step-output.js'

/**
 * One line when a step begins and one when it ends; what it prints stands between them after `[2/4] |`, which no line of ours
 * has: output cannot pass itself off as one.
 */
export class PlainProgress implements Progress {
  readonly #sink: ProgressSink
  #stepCount = 0
  #output: { readonly prefix: string; readonly lines: StepOutput } | null = null

  constructor(sink: ProgressSink) {
    this.#sink = sink
  }

  async add(event: BuildEvent): Promise<void> {
    const lines = this.#linesOf(event)
    if (lines.length > 0) this.#sink.write(lines.map((line) => `${line}\n`).join(''))
    await roomIn(this.#sink)
  }

  note(text: string): void {
    this.#sink.write(`${text}\n`)
  }

  end(result?: BuildResult): void {
    const skipped = (result?.steps ?? []).filter(({ outcome }) => outcome === 'skipped')
    const told = skipped.map(({ index, name }) => `[${index + 1}/${this.#stepCount}] skipped: ${showName(name)}`)
    const rest = [...this.#endOutput(), ...told]
    if (rest.length > 0) this.#sink.write(rest.map((line) => `${line}\n`).join(''))
  }

  #linesOf(event: BuildEvent): readonly string[] {
    switch (event.type) {
      case 'queued':
        this.#stepCount = event.steps.length
        return [`build ${event.id} of ${event.tenant}`]
      case 'step': {
        const number = `[${event.index + 1}/${this.#stepCount}]`
        const before = this.#endOutput()
        if (event.state === 'started') {
          this.#output = { prefix: `${number} | `, lines: new StepOutput(0) }
          return [...before, `${number} ${showName(event.name)}`]
        }
        const { durationMs, continued } = event.result
        const end = `${number} ${describeEnd(event.result)}${continued ? ', goes on' : ''}`
        return [...before, `${end}, ${formatDuration(durationMs)}`]
      }
      case 'output':
        return this.#output === null ? [] : this.#prefixed(this.#output.lines.push(event))
      default: {
        const line = describeEvent(event)
        return line === null ? [] : [line]
      }
    }
  }

  #prefixed(lines: readonly string[]): readonly string[] {
    const prefix = this.#output?.prefix ?? ''
    return lines.map((line) => `${prefix}${line}`.trimEnd())
  }

  #endOutput(): readonly string[] {
    if (this.#output === null) return []
    const lines = this.#prefixed(this.#output.lines.end())
    this.#output = null
    return lines
  }
}
