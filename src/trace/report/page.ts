/**
 * The report of one traced run: a page in one file.
 *
 * Everything on it comes from a guest that may be hostile, and it is opened in the browser of whoever judges that guest. So:
 * text is escaped by the only tag that makes HTML (`html.ts`); the page's policy (Content-Security-Policy) permits no
 * request at all and no script but the one of `script.ts`, by its hash; and its size is bounded (`collector.ts`).
 */
import { createHash } from 'node:crypto'
import type { GapEvent, TraceEvent } from '../event.js'
import { joinCommand } from '../printable-name.js'
import { ReportCollector } from './collector.js'
import { countOf, formatCount, formatDuration, guestText, Html, html } from './html.js'
import { renderFiles } from './render-files.js'
import { renderConnections, renderCounts, renderPrograms, renderSignals, renderUnknown } from './render-lists.js'
import { renderProcesses, type TimeSpan } from './render-processes.js'
import { renderCalls } from './render-refusals.js'
import { REPORT_SCRIPT } from './script.js'
import { REPORT_STYLE } from './style.js'

/** How the command ended. */
export interface ReportOutcome {
  /** `exited`, `jailbreak` and the like. */
  readonly name: string
  readonly exitCode: number | null
  readonly signal: string | null
}

/** What a report is made of. */
export interface ReportInput {
  /** The page's title. */
  readonly title: string
  readonly startedAtMs: number
  readonly command: readonly string[]
  readonly outcome: ReportOutcome
  /** A collector that was fed while the sandbox ran, or the events themselves. */
  readonly events: ReportCollector | Iterable<TraceEvent | GapEvent>
  /** What the trace lost or could not do; shown on top. */
  readonly warnings?: readonly string[]
  /** The policy that judged, as it was given; absent when nothing was judged. */
  readonly policy?: unknown
}

const MAX_POLICY_CHARS = 100_000

const scriptHash = createHash('sha256').update(REPORT_SCRIPT).digest('base64')
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${scriptHash}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

interface Section {
  readonly id: string
  readonly title: string
  readonly count: number | null
  readonly content: Html
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum
}

function collect(events: ReportInput['events']): ReportCollector {
  if (events instanceof ReportCollector) return events
  const collector = new ReportCollector()
  for (const event of events) collector.add(event)
  return collector
}

function buildSections(seen: ReportCollector, span: TimeSpan, policy: unknown): Section[] {
  const { violations, refusals, lanes, files, programs, connections, sockets, signals, unknown, syscalls } = seen
  const sections: Section[] = []
  const add = (id: string, title: string, count: number | null, content: Html): void => {
    sections.push({ id, title, count, content })
  }
  if (violations.total > 0)
    add('violations', 'Violations', violations.total, renderCalls(violations, 'Violations', span.startMs))
  if (refusals.total > 0)
    add('refused-calls', 'Refused by the kernel', refusals.total, renderCalls(refusals, 'Refused calls', span.startMs))
  add('processes', 'Processes', lanes.count + lanes.hidden, renderProcesses(lanes, span))
  add('files', 'Files', files.files, renderFiles(files))
  add('programs', 'Programs', programs.rows.length, renderPrograms(seen))
  add('connections', 'Connections', connections.rows.length + sockets.rows.length, renderConnections(seen))
  if (signals.total > 0) add('signals', 'Signals', signals.total, renderSignals(seen))
  add('calls', 'Calls', sumOf(syscalls), renderCounts(seen))
  if (unknown.total > 0) add('unknown', 'Lines not understood', unknown.total, renderUnknown(seen))
  if (policy !== undefined) {
    const text = JSON.stringify(policy, null, 2).slice(0, MAX_POLICY_CHARS)
    const lines = text.split('\n').map((line) => html`${guestText(line)} `)
    add(
      'policy',
      'Policy',
      null,
      html`<details>
        <summary>What was allowed</summary>
        <pre>${lines}</pre>
      </details>`,
    )
  }
  return sections
}

function renderVerdict(seen: ReportCollector, judged: boolean): Html {
  const { violations, refusals } = seen
  if (violations.total > 0) {
    const text = `${countOf(violations.total, 'access', 'accesses')} that the policy does not allow`
    return html`<p class="verdict bad"><strong>Jailbreak.</strong> <a href="#violations">${text}</a>.</p>`
  }
  const refused =
    refusals.total > 0
      ? html` The kernel refused <a href="#refused-calls">${countOf(refusals.total, 'call')}</a>.`
      : html` The kernel refused no call that was seen.`
  if (!judged) return html`<p class="verdict"><strong>Not judged.</strong> There was no policy.${refused}</p>`
  return html`<p class="verdict good">
    <strong>No violation.</strong> The policy allows everything that was seen.${refused}
  </p>`
}

function renderOutcome({ name, exitCode, signal }: ReportOutcome): Html {
  const detail = signal ?? (exitCode === null ? null : `exit code ${exitCode}`)
  const failed = name !== 'exited' || exitCode !== 0
  return html`<span class="outcome${failed ? ' bad' : ' good'}">${name}</span
    >${detail === null ? null : html` ${detail}`}`
}

function renderFacts(input: ReportInput, seen: ReportCollector, span: TimeSpan): Html {
  const facts: [string, Html][] = [
    ['Outcome', renderOutcome(input.outcome)],
    ['Started', html`<time>${formatDate(input.startedAtMs)}</time>`],
    ['Lasted', html`${formatDuration(span.endMs - span.startMs)}`],
    ['Events', html`${formatCount(seen.events)}`],
  ]
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`
}

function formatDate(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
}

function renderWarnings(seen: ReportCollector, warnings: readonly string[]): Html[] {
  const lost =
    seen.dropped === 0
      ? []
      : [`${countOf(seen.dropped, 'event')} came faster than this report could take them and are missing here.`]
  return [...lost, ...warnings].map((text) => html`<p class="warning">${text}</p>`)
}

/**
 * Builds the page. Pure.
 *
 * @returns a whole HTML document that needs nothing else: no network, no other file
 */
export function buildReport(input: ReportInput): string {
  const seen = collect(input.events)
  const startMs = Math.min(input.startedAtMs, seen.firstMs ?? input.startedAtMs)
  const span = { startMs, endMs: Math.max(startMs, seen.lastMs ?? startMs) }
  const command = joinCommand(input.command, 4_096)
  const sections = buildSections(seen, span, input.policy)
  const links = sections.map(
    ({ id, title, count }) =>
      html`<a href="#${id}">${title}${count === null ? null : html` <span>${formatCount(count)}</span>`}</a>`,
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${input.title}</title>
        ${new Html(`<style>${REPORT_STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#main">To the content</a>
        <header>
          <p class="over">Trace report</p>
          <h1>${input.title}</h1>
          ${command === input.title ? null : html`<p class="command">${guestText(command)}</p>`}
          ${renderFacts(input, seen, span)} ${renderVerdict(seen, input.policy !== undefined)}
          ${renderWarnings(seen, input.warnings ?? [])}
        </header>
        <nav aria-label="Sections">${links}</nav>
        <main id="main" tabindex="-1">
          ${sections.map(
            ({ id, title, count, content }) =>
              html`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">
                  ${title}${count === null ? null : html` <span class="count">${formatCount(count)}</span>`}
                </h2>
                ${content}
              </section> `,
          )}
        </main>
        <footer>
          Written by container-sandbox. Watching is no protection: the container protects, the trace tells.
        </footer>
        ${new Html(`<script>${REPORT_SCRIPT}</script>`)}
      </body>
    </html> `.text
}
