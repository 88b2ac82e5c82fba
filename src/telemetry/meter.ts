/**
 * The instruments of OpenTelemetry.
 *
 * Theory of operation. A tracer of `@opentelemetry/api` that was had before an SDK is registered hands on to the SDK later. A
 * meter does not: it does nothing for ever, and so do its instruments. So nothing is kept beyond a change of the meter provider.
 * The provider is looked up anew for each number, which costs one property of a global object; as long as it is the one of the
 * API itself, which does nothing, no instrument is made.
 */
import { createNoopMeter, metrics, type Attributes, type Counter, type Histogram } from '@opentelemetry/api'
import type { Meter, MeterProvider, ObservableGauge, ObservableResult } from '@opentelemetry/api'
import { PACKAGE_VERSION } from '../package-version.js'
import { attributeKey, OTHER } from './attributes.js'
import { COUNTERS, GAUGES, HISTOGRAMS, type CounterName, type GaugeName, type HistogramName } from './instruments.js'

/** The name of our meter and tracer. */
export const SCOPE = 'container-sandbox'

/** The instruments of one meter provider; made when they are first used. */
export class Instruments {
  readonly #meter: Meter
  readonly #counters = new Map<CounterName, Counter>()
  readonly #histograms = new Map<HistogramName, Histogram>()
  readonly #gauges = new Map<GaugeName, { gauge: ObservableGauge; callback: (result: ObservableResult) => void }>()

  constructor(meter: Meter) {
    this.#meter = meter
  }

  count(name: CounterName, value: number, attributes: Attributes): void {
    let counter = this.#counters.get(name)
    if (counter === undefined) {
      const { unit, description } = COUNTERS[name]
      counter = this.#meter.createCounter(name, { unit, description })
      this.#counters.set(name, counter)
    }
    counter.add(value, named(attributes))
  }

  observe(name: HistogramName, value: number, attributes: Attributes): void {
    let histogram = this.#histograms.get(name)
    if (histogram === undefined) {
      const { unit, description, bounds } = HISTOGRAMS[name]
      const advice = { explicitBucketBoundaries: [...bounds] }
      histogram = this.#meter.createHistogram(name, { unit, description, advice })
      this.#histograms.set(name, histogram)
    }
    histogram.record(value, named(attributes))
  }

  /** Has the provider read a gauge whenever it collects. Once for each name. */
  follow(name: GaugeName, read: () => readonly { readonly value: number; readonly attributes: Attributes }[]): void {
    if (this.#gauges.has(name)) return
    const { unit, description } = GAUGES[name]
    const gauge = this.#meter.createObservableGauge(name, { unit, description })
    const callback = (result: ObservableResult): void => {
      for (const { value, attributes } of read()) result.observe(value, named(attributes))
    }
    gauge.addCallback(callback)
    this.#gauges.set(name, { gauge, callback })
  }

  /** A provider that is no longer the global one reads no more gauges. */
  close(): void {
    for (const { gauge, callback } of this.#gauges.values()) gauge.removeCallback(callback)
    this.#gauges.clear()
  }
}

/** A number by the conventions. */
const STATUS_CODE = 'http.response.status_code'

const NOOP_METER = createNoopMeter()

let provider: MeterProvider | null = null
let instruments: Instruments | null = null

/**
 * The instruments of the registered provider; `null` when there is none.
 * @param onChange called when it is another provider than the last time
 */
export function currentInstruments(onChange: (instruments: Instruments) => void): Instruments | null {
  const current = metrics.getMeterProvider()
  if (current === provider) return instruments
  provider = current
  instruments?.close()
  const meter = current.getMeter(SCOPE, PACKAGE_VERSION)
  instruments = meter === NOOP_METER ? null : new Instruments(meter)
  if (instruments !== null) onChange(instruments)
  return instruments
}

function named(attributes: Attributes): Attributes {
  const result: Attributes = {}
  for (const key of Object.keys(attributes)) {
    const value = attributes[key]
    result[attributeKey(key)] = key === STATUS_CODE && value !== OTHER ? Number(value) : value
  }
  return result
}
