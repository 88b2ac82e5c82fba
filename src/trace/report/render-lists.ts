/** The plain lists of a report: programs, connections, signals, calls, lines that were not understood. */
import type { ReportCollector } from './collector.js'
import { countOf, formatCount, guestText, html, type Html } from './html.js'
import type { Tally } from './tally.js'

function renderMore(tally: Tally<unknown>): Html | null {
  return tally.hidden === 0 ? null : html`<p class="note">${countOf(tally.hidden, 'further one')} not shown.</p>`
}

function renderResult(errno: string | null): Html | null {
  return errno === null ? null : html` <span class="held">${errno}</span>`
}

function renderTimes(count: number): Html | null {
  return count === 1 ? null : html` <span class="times">×&#8239;${formatCount(count)}</span>`
}

/** Programs that were executed or tried, those that ran first. */
export function renderPrograms({ programs }: ReportCollector): Html {
  if (programs.total === 0) return html`<p class="note">No program was executed.</p>`
  const rows = programs.rows.sort((a, b) => Number(a.value.errno !== null) - Number(b.value.errno !== null))
  return html`<ul class="list">
      ${rows.map(
        ({ value, count }) => html`<li>${guestText(value.path)}${renderResult(value.errno)}${renderTimes(count)}</li> `,
      )}
    </ul>
    ${renderMore(programs)}`
}

/** Connections that were tried, addresses that were bound, and the sockets that were made for them. */
export function renderConnections({ connections, sockets }: ReportCollector): Html {
  if (connections.total + sockets.total === 0)
    return html`<p class="note">No connection was tried and no socket was made.</p>`
  const tried = connections.rows.map(
    ({ value, count }) =>
      html`<li>
        <span class="verb">${value.mode}</span> ${guestText(value.address)}
        <small>${value.syscall}</small>${renderResult(value.errno)}${renderTimes(count)}
      </li> `,
  )
  const made = sockets.rows.map(
    ({ value, count }) => html`<li><span class="verb">socket</span> ${guestText(value)}${renderTimes(count)}</li> `,
  )
  return html`<ul class="list">
      ${tried}${made}
    </ul>
    ${renderMore(connections)}${renderMore(sockets)}`
}

/** Signals that processes sent. */
export function renderSignals({ signals }: ReportCollector): Html {
  return html`<ul class="list">
      ${signals.rows.map(
        ({ value, count }) =>
          html`<li>
            <span class="pid">${value.processId}</span> ${guestText(value.command, 120)} sent
            <strong>${value.signal}</strong> to
            <span class="pid">${value.target}</span>${renderResult(value.errno)}${renderTimes(count)}
          </li> `,
      )}
    </ul>
    ${renderMore(signals)}`
}

/** How often each call was seen, the most frequent first. */
export function renderCounts({ syscalls, modes }: ReportCollector): Html {
  const list = (label: string, counts: ReadonlyMap<string, number>): Html => {
    const most = Math.max(...counts.values())
    const rows = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    return html`<div>
      <h3>${label}</h3>
      <table class="counts">
        <tbody>
          ${rows.map(
            ([name, count]) =>
              html`<tr>
                <th scope="row">${name}</th>
                <td class="num">${formatCount(count)}</td>
                <td class="meter" aria-hidden="true">
                  <b style="width:${Math.max(1, Math.round((100 * count) / most))}%"></b>
                </td>
              </tr> `,
          )}
        </tbody>
      </table>
    </div>`
  }
  if (syscalls.size === 0) return html`<p class="note">No call was seen.</p>`
  return html`<div class="columns">${list('By mode', modes)}${list('By system call', syscalls)}</div>`
}

/** Lines of strace that were not understood. */
export function renderUnknown({ unknown }: ReportCollector): Html {
  return html`<ul class="list">
      ${unknown.rows.map(({ value, count }) => html`<li>${guestText(value)}${renderTimes(count)}</li> `)}
    </ul>
    ${renderMore(unknown)}`
}
