/** Numbers, told to OpenTelemetry and to whoever else listens. Costs next to nothing when nobody does. */
import type { Attributes } from '@opentelemetry/api'
import { boundAttributes } from './attributes.js'
import { COUNTERS, GAUGES, HISTOGRAMS, type CounterName, type GaugeName, type HistogramName } from './instruments.js'
import { currentInstruments, type Instruments } from './meter.js'

/** One reading of a gauge. */
export interface GaugeReading {
  readonly value: number
  readonly attributes?: Attributes
}

/** Takes every number as it comes, beside OpenTelemetry. Attributes are bounded; see the tables of instruments. Never throws. */
export interface MetricSink {
  count(name: CounterName, value: number, attributes: Readonly<Record<string, string>>): void
  observe(name: HistogramName, value: number, attributes: Readonly<Record<string, string>>): void
}

const NONE: Attributes = {}

const sinks = new Set<MetricSink>()
const gauges = new Map<GaugeName, Set<() => readonly GaugeReading[]>>()

/**
 * Counts up. What is no finite number from 0 up is not counted: no caller fails for a number.
 * @param attributes those of the instrument; others are dropped, unknown values become `other`. A tenant's name is none
 */
export function count(name: CounterName, value = 1, attributes: Attributes = NONE): void {
  const instruments = currentInstruments(followGauges)
  if ((instruments === null && sinks.size === 0) || !isAmount(value)) return
  const bounded = boundAttributes(COUNTERS[name].attributes, attributes)
  instruments?.count(name, value, bounded)
  for (const sink of sinks) sink.count(name, value, bounded)
}

/** Adds one value to a distribution, in the unit of the instrument (times in seconds). Otherwise as {@link count}. */
export function observe(name: HistogramName, value: number, attributes: Attributes = NONE): void {
  const instruments = currentInstruments(followGauges)
  if ((instruments === null && sinks.size === 0) || !isAmount(value)) return
  const bounded = boundAttributes(HISTOGRAMS[name].attributes, attributes)
  instruments?.observe(name, value, bounded)
  for (const sink of sinks) sink.observe(name, value, bounded)
}

/**
 * Has a gauge read by `read` from now on. Readings of several readers with the same attributes are added up.
 * @returns what ends that
 */
export function addGauge(name: GaugeName, read: () => readonly GaugeReading[]): () => void {
  const readers = gauges.get(name) ?? new Set()
  gauges.set(name, readers.add(read))
  currentInstruments(followGauges)?.follow(name, () => readGauge(name))
  return () => readers.delete(read)
}

/**
 * Has the gauges read by the meter provider that is registered now. Happens by itself with the next number of any kind, so only
 * a process that has been idle since before its SDK was registered needs it.
 */
export function registerGauges(): void {
  currentInstruments(followGauges)
}

/** What a gauge shows now, by all who feed it. A reader that throws is left out. */
export function readGauge(
  name: GaugeName,
): readonly { readonly value: number; readonly attributes: Readonly<Record<string, string>> }[] {
  const sums = new Map<string, { value: number; attributes: Record<string, string> }>()
  for (const read of gauges.get(name) ?? []) {
    for (const { value, attributes = NONE } of readingsOf(read)) {
      if (!Number.isFinite(value)) continue
      const bounded = boundAttributes(GAUGES[name].attributes, attributes)
      const key = JSON.stringify(bounded)
      const sum = sums.get(key)
      if (sum === undefined) sums.set(key, { value, attributes: bounded })
      else sum.value += value
    }
  }
  return [...sums.values()]
}

/** Has `sink` told every number from now on. @returns what ends that */
export function addMetricSink(sink: MetricSink): () => void {
  sinks.add(sink)
  return () => sinks.delete(sink)
}

function followGauges(instruments: Instruments): void {
  for (const name of gauges.keys()) instruments.follow(name, () => readGauge(name))
}

function readingsOf(read: () => readonly GaugeReading[]): readonly GaugeReading[] {
  try {
    return read()
  } catch {
    return []
  }
}

function isAmount(value: number): boolean {
  return value >= 0 && value < Infinity
}
