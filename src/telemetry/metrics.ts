/** Numbers, told to OpenTelemetry and to whoever else listens. Costs next to nothing when nobody does. */
import { metrics, type Attributes, type Counter, type Histogram, type ObservableGauge } from '@opentelemetry/api'
import { PACKAGE_VERSION } from '../package-version.js'
import { COUNTERS, GAUGES, HISTOGRAMS, type CounterName, type GaugeName, type HistogramName } from './instruments.js'

/** The name of our meter and tracer. */
export const SCOPE = 'container-sandbox'

/** One reading of a gauge. */
export interface GaugeReading {
  readonly value: number
  readonly attributes?: Attributes
}

/** Takes every number as it comes, beside OpenTelemetry. */
export interface MetricSink {
  count(name: CounterName, value: number, attributes: Attributes): void
  observe(name: HistogramName, value: number, attributes: Attributes): void
}

const sinks = new Set<MetricSink>()
const gauges = new Map<GaugeName, Set<() => readonly GaugeReading[]>>()
const counters = new Map<CounterName, Counter>()
const histograms = new Map<HistogramName, Histogram>()
const observed = new Map<GaugeName, ObservableGauge>()

/** Counts up. @param attributes few values each: a tenant's name is none */
export function count(name: CounterName, value = 1, attributes: Attributes = {}): void {
  let counter = counters.get(name)
  if (counter === undefined) {
    counter = metrics.getMeter(SCOPE, PACKAGE_VERSION).createCounter(name, COUNTERS[name])
    counters.set(name, counter)
  }
  counter.add(value, attributes)
  for (const sink of sinks) sink.count(name, value, attributes)
}

/** Adds one value to a distribution, in the unit of the instrument (times in seconds). */
export function observe(name: HistogramName, value: number, attributes: Attributes = {}): void {
  let histogram = histograms.get(name)
  if (histogram === undefined) {
    const { unit, description, bounds } = HISTOGRAMS[name]
    const advice = { explicitBucketBoundaries: [...bounds] }
    histogram = metrics.getMeter(SCOPE, PACKAGE_VERSION).createHistogram(name, { unit, description, advice })
    histograms.set(name, histogram)
  }
  histogram.record(value, attributes)
  for (const sink of sinks) sink.observe(name, value, attributes)
}

/** Has a gauge read by `read` from now on. @returns what ends that */
export function addGauge(name: GaugeName, read: () => readonly GaugeReading[]): () => void {
  const readers = gauges.get(name) ?? new Set()
  gauges.set(name, readers.add(read))
  if (!observed.has(name)) {
    const gauge = metrics.getMeter(SCOPE, PACKAGE_VERSION).createObservableGauge(name, GAUGES[name])
    gauge.addCallback((result) => {
      for (const { value, attributes } of readGauge(name)) result.observe(value, attributes)
    })
    observed.set(name, gauge)
  }
  return () => readers.delete(read)
}

/** What a gauge shows now, by all who feed it. */
export function readGauge(name: GaugeName): readonly GaugeReading[] {
  return [...(gauges.get(name) ?? [])].flatMap((read) => read())
}

/** Has `sink` told every number from now on. @returns what ends that */
export function addMetricSink(sink: MetricSink): () => void {
  sinks.add(sink)
  return () => sinks.delete(sink)
}
