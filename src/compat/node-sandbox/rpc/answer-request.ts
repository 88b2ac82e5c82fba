/** From a request on the wire to its answer. */
import { callMethod, findMethod } from '../method-tree.js'
import { describeThrown, INVALID_REQUEST, methodNotFound, type WireError } from './rpc-error.js'
import type { WireMessage } from './stream-parser.js'

/**
 * Runs what a request asks for. A request with a falsy id is a notification: only its errors are answered, with the id
 * `null`.
 */
export function answerRequest(exposed: object, request: WireMessage, send: (answer: object) => void): void {
  const id = request['id'] || null
  const fail = (error: WireError): void => send({ id, result: null, error })
  const { method: name, params } = request
  if (typeof name !== 'string') return fail({ code: INVALID_REQUEST, message: 'The method must be a string' })
  const found = findMethod(exposed, name)
  if (found === null) return fail(methodNotFound(name))
  void run(() => callMethod(found, params))
    .then((result) => {
      if (id !== null) send({ id, result, error: null })
    })
    // Also for a result that is no JSON.
    .catch((thrown: unknown) => fail(describeThrown(thrown)))
}

/** What throws at once is a rejection as well. */
async function run(work: () => unknown): Promise<unknown> {
  return await work()
}
