/** One line of `doctor`. */
export interface Finding {
  /** What was looked at, two or three words. */
  readonly check: string
  /**
   * - `ok`: as it should be.
   * - `warn`: sandboxes run, with something missing that the meaning names.
   * - `fail`: no sandbox starts, or a limit would not be enforced (sandboxes are then refused).
   */
  readonly status: 'ok' | 'warn' | 'fail'
  /** What is there. */
  readonly found: string
  /** What that means for sandboxes. */
  readonly meaning: string
  /** What to do about it; `null` when nothing has to be done. */
  readonly action: string | null
}

/** Something that is as it should be. */
export const ok = (check: string, found: string, meaning: string): Finding => ({
  check,
  status: 'ok',
  found,
  meaning,
  action: null,
})

/** Something that weakens or slows sandboxes but does not keep them from running; `action` says what to do. */
export const warn = (check: string, found: string, meaning: string, action: string): Finding => ({
  check,
  status: 'warn',
  found,
  meaning,
  action,
})

/** Something that keeps sandboxes from running; `action` says what to do. */
export const fail = (check: string, found: string, meaning: string, action: string): Finding => ({
  check,
  status: 'fail',
  found,
  meaning,
  action,
})

/** Findings as lines for people: status, check and what was found, then its meaning and what to do below. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const indent = ' '.repeat(width + 8)
  return findings
    .map(({ check, status, found, meaning, action }) => {
      const lines = [`${status.padEnd(4)}  ${check.padEnd(width)}  ${found}`, `${indent}${meaning}`]
      if (action !== null) lines.push(`${indent}→ ${action}`)
      return lines.join('\n')
    })
    .join('\n')
}
