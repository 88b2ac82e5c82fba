/** Drop-in for the package `jail`: `const { jail } = require('container-sandbox/compat/jail')`. */
export { jail } from './jail.js'
export type { JailChild, JailChildEvents } from './child.js'
export type { JailArgs, JailedData, JailFailure, JailOptions, JailSuccess, JailUser } from './options.js'
