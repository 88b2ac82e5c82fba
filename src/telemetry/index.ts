/** What the package tells about itself: spans, numbers, events, log records. Below everything else, so that everything can tell. */
export { CHANNELS, publish, type ChannelName } from './channels.js'
export {
  COUNTERS,
  ENGINE_OPERATIONS,
  GAUGES,
  HISTOGRAMS,
  type CounterName,
  type GaugeName,
  type HistogramName,
} from './instruments.js'
export {
  consoleLogger,
  guardLogger,
  logRecord,
  noLogger,
  type ConsoleLoggerOptions,
  type Logger,
  type LogLevel,
  type LogRecord,
  type LogValue,
} from './logger.js'
export type {
  BuildEndMessage,
  BuildStartMessage,
  BuildSubmitMessage,
  ChannelMessages,
  CommandEndMessage,
  CommandStartMessage,
  EngineRequestMessage,
  PoolAcquireMessage,
  PoolDiscardMessage,
  QueueRejectMessage,
  SandboxEndMessage,
  SandboxStartMessage,
} from './messages.js'
export { SCOPE } from './meter.js'
export {
  addGauge,
  addMetricSink,
  count,
  observe,
  readGauge,
  registerGauges,
  type GaugeReading,
  type MetricSink,
} from './metrics.js'
export { metricsText, MetricsRegistry, type PrometheusRegistry } from './metrics-registry.js'
export { MetricsServer, type MetricsServerOptions } from './metrics-server.js'
export { detached, errorType, failSpan, SPANS, startSpan, within, withSpan } from './spans.js'
