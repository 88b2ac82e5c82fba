/** From records of strace's lines to events. */
export { TraceInterpreter, type TraceInterpreterOptions } from './interpreter.js'
export { resolvePath, type PathBase } from './resolve-path.js'
