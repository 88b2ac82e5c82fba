/** The log of a build. */
export { BuildLog, type BuildLogOptions } from './build-log.js'
export { BuildLogReader, readBuildLog } from './read-build-log.js'
export { readLogOptionsSchema, type ReadLogOptions } from './read-log-options.js'
