/**
 * Names of Prometheus, made of those of OpenTelemetry as its compatibility rules say: dots become underscores, the unit becomes a
 * suffix (annotations in braces are none), counters end in `_total`.
 */
const UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' }

/** The name of a metric. @param isCounter adds `_total` */
export function prometheusName(name: string, unit: string, isCounter: boolean): string {
  const base = name.replaceAll('.', '_')
  const word = UNITS[unit]
  const suffix = word === undefined || base.endsWith(`_${word}`) ? '' : `_${word}`
  return `${base}${suffix}${isCounter ? '_total' : ''}`
}

/** The name of a label. */
export function labelName(attribute: string): string {
  return attribute.replaceAll('.', '_')
}

/** Attributes as labels. */
export function labelsOf(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [labelName(name), value]))
}
