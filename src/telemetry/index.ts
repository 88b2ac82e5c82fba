/** What the package tells about itself: spans, numbers, events. Below everything else, so that everything can tell. */
export { CHANNELS, publish, type ChannelName } from './channels.js'
export { COUNTERS, GAUGES, HISTOGRAMS, type CounterName, type GaugeName, type HistogramName } from './instruments.js'
export {
  addGauge,
  addMetricSink,
  count,
  observe,
  readGauge,
  SCOPE,
  type GaugeReading,
  type MetricSink,
} from './metrics.js'
export { withSpan } from './spans.js'
