/** The numbers for Prometheus. Nothing is kept before somebody makes a registry; counts begin then. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { COUNTERS, GAUGES, HISTOGRAMS, type CounterName, type GaugeName, type HistogramName } from './instruments.js'
import type { AllowedAttributes } from './instruments.js'
import { addMetricSink, readGauge } from './metrics.js'
import { labelName, labelsOf, prometheusName } from './prometheus-names.js'

/** The part of a registry of `prom-client` that is used: one of another copy of that package does as well. */
export type PrometheusRegistry = Pick<Registry, 'registerMetric' | 'removeSingleMetric' | 'metrics' | 'contentType'>

/** Every number of the package, kept for Prometheus from its making on. Several of them count each for itself. */
export class MetricsRegistry implements Disposable {
  readonly #registry: PrometheusRegistry
  readonly #names: string[] = []
  #endCounting: () => void = () => undefined

  /**
   * @param registry your own of `prom-client`, where the metrics stand beside yours; default: one that nobody else has
   * @throws {Error} of `prom-client` when the registry has a metric with one of these names; it is left as it was
   */
  constructor(registry: PrometheusRegistry = new Registry()) {
    this.#registry = registry
    try {
      const counters = new Map(keys(COUNTERS).map((name) => [name, this.#keep(buildCounter(name))]))
      const histograms = new Map(keys(HISTOGRAMS).map((name) => [name, this.#keep(buildHistogram(name))]))
      for (const name of keys(GAUGES)) this.#keep(buildGauge(name))
      this.#endCounting = addMetricSink({
        count: (name, value, attributes) => counters.get(name)?.inc(labelsOf(attributes), value),
        observe: (name, value, attributes) => histograms.get(name)?.observe(labelsOf(attributes), value),
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The `Content-Type` of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All that is in the registry, in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Ends the counting and takes the metrics out of the registry. Idempotent. */
  close(): void {
    this.#endCounting()
    for (const name of this.#names.splice(0)) this.#registry.removeSingleMetric(name)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #keep<M extends Counter | Histogram | Gauge>(metric: M): M {
    this.#registry.registerMetric(metric)
    this.#names.push((metric as unknown as { readonly name: string }).name)
    return metric
  }
}

let shared: MetricsRegistry | null = null

/**
 * The numbers of this process in the text format of Prometheus, for an HTTP server of your own. Counts begin with the first call:
 * call it once when the program starts.
 */
export function metricsText(): Promise<string> {
  shared ??= new MetricsRegistry()
  return shared.text()
}

function buildCounter(name: CounterName): Counter {
  const { unit, description, attributes } = COUNTERS[name]
  const counter = new Counter({ ...heading(prometheusName(name, unit, true), description, attributes), registers: [] })
  // A series that appears with its first count has no increase to see: those that are known stand there from the beginning.
  const [only, ...others] = Object.entries<readonly string[] | null>(attributes)
  if (only !== undefined && others.length === 0) {
    for (const value of only[1] ?? []) counter.inc({ [labelName(only[0])]: value }, 0)
  }
  return counter
}

function buildHistogram(name: HistogramName): Histogram {
  const { unit, description, attributes, bounds } = HISTOGRAMS[name]
  const head = heading(prometheusName(name, unit, false), description, attributes)
  return new Histogram({ ...head, buckets: [...bounds], registers: [] })
}

function buildGauge(name: GaugeName): Gauge {
  const { unit, description, attributes } = GAUGES[name]
  return new Gauge({
    ...heading(prometheusName(name, unit, false), description, attributes),
    registers: [],
    collect() {
      this.reset()
      for (const reading of readGauge(name)) this.set(labelsOf(reading.attributes), reading.value)
    },
  })
}

function heading(name: string, help: string, attributes: AllowedAttributes) {
  return { name, help, labelNames: Object.keys(attributes).map(labelName) }
}

function keys<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[]
}
