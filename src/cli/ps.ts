/** `ps`: the sandboxes that the engine has. */
import { DockerDriver } from '../driver/docker/docker-driver.js'
import type { ContainerSummary } from '../driver/driver.js'
import { LABELS } from '../policy/labels.js'
import { formatSpan, formatTable, type Terminal } from './terminal.js'

/** One container of a sandbox as `ps --json` shows it. Every text but the ids is a claim of whoever made the container. */
export interface SandboxRow {
  readonly sandboxId: string | null
  readonly containerId: string
  /** `sandbox`, or `tracer` for the second container of a traced one. */
  readonly role: string | null
  readonly user: string | null
  readonly state: string
  readonly createdAt: string
  /** When the sandbox ends itself. */
  readonly deadline: string | null
  /** `<host>:<process id>:<start time of the process in clock ticks>` */
  readonly owner: string | null
}

/**
 * `ps`: the sandboxes that the engine has, whoever made them.
 * @returns the exit code
 */
export async function listSandboxes(terminal: Terminal, flags: { readonly json?: boolean }): Promise<number> {
  const driver = new DockerDriver()
  try {
    const rows = (await driver.list()).map(toRow)
    if (flags.json === true) terminal.printJson(rows)
    else terminal.print(formatRows(rows, Date.now()))
    return 0
  } finally {
    await driver.close()
  }
}

function toRow({ id, state, labels, createdAt }: ContainerSummary): SandboxRow {
  const label = (name: string): string | null => labels[name] ?? null
  return {
    sandboxId: label(LABELS.sandboxId),
    containerId: id,
    role: label(LABELS.role),
    user: label(LABELS.user),
    state,
    createdAt: createdAt.toISOString(),
    deadline: label(LABELS.deadline),
    owner: label(LABELS.owner),
  }
}

/** @param now - milliseconds since the epoch */
export function formatRows(rows: readonly SandboxRow[], now: number): string {
  return formatTable(
    ['SANDBOX', 'CONTAINER', 'ROLE', 'USER', 'STATE', 'AGE', 'ENDS IN', 'OWNER'],
    rows.map(({ sandboxId, containerId, role, user, state, createdAt, deadline, owner }) => [
      sandboxId ?? '-',
      containerId.slice(0, 12),
      role ?? '-',
      user ?? '-',
      state,
      formatSpan(now - Date.parse(createdAt)),
      formatDeadline(deadline, now),
      owner?.split(':').slice(0, 2).join(':') ?? '-',
    ]),
  )
}

function formatDeadline(deadline: string | null, now: number): string {
  const at = Date.parse(deadline ?? '')
  if (Number.isNaN(at)) return '-'
  return at <= now ? 'overdue' : formatSpan(at - now)
}
