/** The log of a build. */
export { BuildLog } from './build-log.js'
export { readBuildLog, type BuildLogReader } from './read-build-log.js'
export { parseReadLogOptions, type ReadLogOptions } from './read-log-options.js'
