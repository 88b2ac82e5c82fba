/** The global names that a program sees. */

/** ECMAScript's own, and WebAssembly. */
const LANGUAGE = `Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date
  Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError globalThis JSON
  Math Intl ArrayBuffer Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array
  Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy
  Reflect FinalizationRegistry SharedArrayBuffer decodeURI decodeURIComponent encodeURI encodeURIComponent escape
  unescape eval isFinite isNaN Iterator WebAssembly`

/** What node adds and a program may count on. */
const RUNTIME = `console setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask
  structuredClone URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal DOMException performance Event
  EventTarget atob btoa Buffer`

let isTrimmed = false

/**
 * Removes every global that a program is not promised, and adds those in `added`. What came to the rest after the
 * first call, plugins put there: it stays.
 *
 * The program runs in the main context and not in one of its own: with two there would be two `Error`, `Array` and
 * `Uint8Array`, and `instanceof` would fail on everything that a call or a built-in module returns.
 */
export function arrangeGlobals(added: Readonly<Record<string, unknown>>): void {
  if (!isTrimmed) trimGlobals()
  isTrimmed = true
  for (const [name, value] of Object.entries(added)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

function trimGlobals(): void {
  const kept = new Set(`${LANGUAGE} ${RUNTIME}`.split(/\s+/))
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!kept.has(name)) Reflect.deleteProperty(globalThis, name)
  }
}
