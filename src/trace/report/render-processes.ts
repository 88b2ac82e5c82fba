/** The processes over time: one lane for each, nested by parent. */
import { countOf, formatDuration, formatOffset, guestText, html, type Html } from './html.js'
import type { Lane, ProcessLanes, Tick } from './process-lanes.js'

/** Deeper ones are not indented further. */
const MAX_INDENT = 12
const AXIS_PARTS = 4

/** The time that the lanes are drawn over. */
export interface TimeSpan {
  readonly startMs: number
  readonly endMs: number
}

/** Where a moment lies, in percent of the span, with two decimals. */
function place(timeMs: number, { startMs, endMs }: TimeSpan): number {
  const share = endMs > startMs ? (timeMs - startMs) / (endMs - startMs) : 0
  return Math.round(Math.min(1, Math.max(0, share)) * 10_000) / 100
}

function renderTick(tick: Tick, span: TimeSpan): Html {
  const title = `${formatOffset(tick.timeMs - span.startMs)}: ${tick.text}`
  return html`<i class="tick ${tick.kind}" style="left:${place(tick.timeMs, span)}%" title="${title}"></i>`
}

function describeEnd(lane: Lane): string {
  if (lane.endMs === null) return 'its end was not seen'
  if (lane.signal !== null) return `ended by ${lane.signal}`
  return `exit code ${lane.exitCode ?? 'unknown'}`
}

function renderEnd(lane: Lane): Html | null {
  if (lane.signal !== null) return html` <span class="end">${lane.signal}</span>`
  if (lane.exitCode !== null && lane.exitCode !== 0) return html` <span class="end">exit ${lane.exitCode}</span>`
  return null
}

/** `…/cc1 -quiet a.c`: the arguments tell more than the folder of the program. The whole line is in the title. */
function shorten(command: string): string {
  return command.replace(/^[\w@%+=:,./-]*\/(?=[\w@%+=:,.-])/, '…/')
}

function renderLane(lane: Lane, depth: number, span: TimeSpan): Html {
  const left = place(lane.startMs, span)
  const width = Math.round((place(lane.endMs ?? span.endMs, span) - left) * 100) / 100
  const from = formatOffset(lane.startMs - span.startMs)
  const lasted = formatDuration((lane.endMs ?? span.endMs) - lane.startMs)
  const violations = lane.ticks.filter((tick) => tick.kind === 'violation').length
  const facts = [
    `from ${from} for ${lasted}`,
    describeEnd(lane),
    ...(lane.threads > 0 ? [countOf(lane.threads, 'further thread')] : []),
    ...(violations > 0 ? [countOf(violations, 'violation')] : []),
    ...(lane.hiddenTicks > 0 ? [`${countOf(lane.hiddenTicks, 'mark')} not drawn`] : []),
  ].join(', ')
  const title = `${lane.command === '' ? 'unknown command' : lane.command} – process ${lane.processId}, ${facts}`
  const indent = Math.min(depth, MAX_INDENT)
  const kind = `${lane.endMs === null ? ' open' : ''}${violations > 0 ? ' bad' : ''}${lane.executed ? '' : ' forked'}`
  const name = lane.command === '' ? html`<span class="none">unknown</span>` : guestText(shorten(lane.command), 300)
  return html`<tr role="row" title="${title}">
    <th role="rowheader" scope="row">
      <span class="proc" style="--d:${indent}"
        ><span class="pid">${lane.processId}</span> ${name}${renderEnd(lane)}</span
      >
    </th>
    <td role="cell">
      <div class="track" role="img" aria-label="${facts}">
        <b class="bar${kind}" style="left:${left}%;width:${width}%"></b
        >${lane.ticks.map((tick) => renderTick(tick, span))}
      </div>
    </td>
  </tr> `
}

function renderAxis(span: TimeSpan): Html {
  const labels: Html[] = []
  for (let part = 0; part <= AXIS_PARTS; part += 1) {
    const offset = ((span.endMs - span.startMs) * part) / AXIS_PARTS
    labels.push(
      html`<span style="left:${(100 * part) / AXIS_PARTS}%">${part === 0 ? '0' : formatDuration(offset)}</span>`,
    )
  }
  return html`<div class="axis" aria-hidden="true">${labels}</div>`
}

/** Parents before their children, without recursion: a chain of forks can be as long as there are lanes. */
function* walk(roots: readonly Lane[]): Generator<readonly [lane: Lane, depth: number]> {
  const open: (readonly [lane: Lane, depth: number])[] = roots.toReversed().map((lane) => [lane, 0])
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [lane, depth] = next
    yield next
    for (const child of lane.children.toReversed()) open.push([child, depth + 1])
  }
}

/** The timeline as a table: name and arguments, and a bar from start to exit. */
export function renderProcesses(lanes: ProcessLanes, span: TimeSpan): Html {
  if (lanes.count === 0) return html`<p class="note">No process was seen.</p>`
  const rows: Html[] = []
  for (const [lane, depth] of walk(lanes.roots)) rows.push(renderLane(lane, depth, span))
  const hidden =
    lanes.hidden === 0
      ? null
      : html`<p class="note">${countOf(lanes.hidden, 'further process', 'further processes')} not shown.</p>`
  return html`<p class="key">
      <span><b class="bar"></b> from start to exit</span
      ><span><b class="bar forked"></b> never executed a program of its own</span
      ><span><i class="tick exec"></i> program executed</span
      ><span><i class="tick refused"></i> refused by the kernel</span
      ><span><i class="tick violation"></i> violation</span>
    </p>
    <div class="scroll" role="region" aria-label="Processes over time" tabindex="0">
      <table role="table" class="lanes" aria-label="Processes over time">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Process</th>
            <th role="columnheader" scope="col"><span class="away">Time</span>${renderAxis(span)}</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${rows}
        </tbody>
      </table>
    </div>
    ${hidden}`
}
