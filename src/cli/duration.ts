/** Milliseconds per unit. */
const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 })

/**
 * Reads a time span such as `500ms`, `10s`, `2.5m` or `1h`. The unit is required: whether a bare `10` means seconds or
 * milliseconds differs from tool to tool.
 *
 * @returns whole milliseconds, or a text that says what is wrong
 */
export function parseDuration(text: string): number | string {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(text)
  const factor = UNITS[match?.[2] ?? '']
  if (match === null || factor === undefined) return 'write a number and a unit (ms, s, m, h), such as 500ms or 10s'
  const milliseconds = Math.round(Number(match[1]) * factor)
  return milliseconds >= 1 ? milliseconds : 'it is less than a millisecond'
}
