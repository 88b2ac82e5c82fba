/** Calls one hook, with a deadline. */
import { PluginError } from '../errors.js'
import { printable } from '../printable.js'
import { quotePlugin } from './quote-plugin.js'

/** Which hook is called, and for how long it is waited for. */
export interface HookCall {
  readonly plugin: string
  readonly hook: string
  /** Milliseconds. */
  readonly deadlineMs: number
  /** What ends the waiting before that. */
  readonly signal?: AbortSignal
}

/**
 * Runs a hook to its end. A hook that keeps the thread busy cannot be interrupted; one that returned a promise is no longer
 * waited for after the deadline, and what becomes of it is not looked at.
 * @throws {PluginError} when it throws, rejects, or is not done in time. The signal's reason when that aborts first.
 */
export async function runHook<T>(call: HookCall, work: () => T | Promise<T>): Promise<T> {
  call.signal?.throwIfAborted()
  let result: T | Promise<T>
  try {
    result = work()
  } catch (error) {
    throw hookFailure(call.plugin, call.hook, error)
  }
  return isThenable(result) ? withDeadline(call, Promise.resolve(result)) : result
}

function withDeadline<T>({ plugin, hook, deadlineMs, signal }: HookCall, pending: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason as Error)
    const onTimeout = (): void => reject(hookTimeout(plugin, hook, deadlineMs))
    const timer = setTimeout(onTimeout, deadlineMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    pending
      .then(resolve, (error: unknown) => reject(hookFailure(plugin, hook, error)))
      .finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      })
  })
}

/** A hook threw; its own words are foreign text. */
export function hookFailure(plugin: string, hook: string, error: unknown): PluginError {
  const words = printable(describeThrown(error), 500)
  return new PluginError(plugin, hook, `the plugin ${quotePlugin(plugin)} failed in its hook ${hook}: ${words}`, {
    cause: error,
  })
}

/** A hook did not return in time. */
export function hookTimeout(plugin: string, hook: string, deadlineMs: number): PluginError {
  const message = `the hook ${hook} of the plugin ${quotePlugin(plugin)} did not return within ${deadlineMs} ms (timeouts.hookMs)`
  return new PluginError(plugin, hook, message, { details: { deadlineMs } })
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}

function describeThrown(error: unknown): string {
  try {
    return error instanceof Error ? error.message : `thrown: ${String(error)}`
  } catch {
    return 'it threw something that cannot be shown'
  }
}
