/** The top of a report: what the policy does not allow, and what the kernel refused. */
import { countOf, formatCount, formatOffset, guestText, html, type Html } from './html.js'
import type { RefusedCall } from './collector.js'
import type { Tally, TallyRow } from './tally.js'

function renderRow({ value, count }: TallyRow<RefusedCall>, startMs: number): Html {
  const times =
    count === 1 ? null : html` <span class="times" title="so many times">×&#8239;${formatCount(count)}</span>`
  return html`<tr role="row">
    <td role="cell" class="time num">${formatOffset(value.timeMs - startMs)}</td>
    <td role="cell" class="who"><span class="pid">${value.processId}</span> ${guestText(value.command, 120)}</td>
    <td role="cell" class="mode">${value.mode ?? 'call'} <small>${value.syscall}</small></td>
    <td role="cell" class="path">
      ${value.path === null ? html`<span class="none">–</span>` : guestText(value.path, 400)}
    </td>
    <td role="cell" class="errno">
      <span class="${value.errno === null ? 'went' : 'held'}">${value.errno ?? 'succeeded'}</span>${times}
    </td>
  </tr> `
}

/** A table of calls. @param startMs - what times are counted from */
export function renderCalls(calls: Tally<RefusedCall>, label: string, startMs: number): Html {
  const hidden =
    calls.hidden === 0 ? null : html`<p class="note">${countOf(calls.hidden, 'further call')} not shown.</p>`
  return html`<table role="table" class="calls" aria-label="${label}">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">Time</th>
          <th role="columnheader" scope="col">Process</th>
          <th role="columnheader" scope="col">Mode</th>
          <th role="columnheader" scope="col">Path</th>
          <th role="columnheader" scope="col">Result</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${calls.rows.map((row) => renderRow(row, startMs))}
      </tbody>
    </table>
    ${hidden}`
}
