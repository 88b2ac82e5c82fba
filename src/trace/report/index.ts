/** The HTML report of a traced run. */
export { ReportCollector, type ReportLimits } from './collector.js'
export { buildReport, type ReportInput, type ReportOutcome } from './page.js'
