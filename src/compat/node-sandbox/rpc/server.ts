import { withExposed, withoutExposed, type Exposed, type ExposedObject } from '../method-tree.js'
import { answerRequest } from './answer-request.js'
import { INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR } from './rpc-error.js'
import { StreamParser, type WireMessage } from './stream-parser.js'

/** The side of the wire that answers. */
export class Server extends StreamParser {
  static readonly INVALID_REQUEST = INVALID_REQUEST
  static readonly METHOD_NOT_FOUND = METHOD_NOT_FOUND
  static readonly INTERNAL_ERROR = INTERNAL_ERROR
  static readonly PARSE_ERROR = PARSE_ERROR

  /** Everything that can be called. */
  _exposedObject: object = {}

  /**
   * Lets the other side call a function, or the functions of an object, by this name. Dots in it make namespaces.
   * @throws {TypeError} when it is neither.
   */
  expose(name: string, value: Exposed): void {
    this._exposedObject = withExposed(this._exposedObject, name, value)
  }

  /** Replaces everything that is exposed. */
  exposeObject(object: ExposedObject): void {
    this._exposedObject = object
  }

  /** Takes back a method or a namespace. @throws {TypeError} when a namespace on the way does not exist. */
  unexpose(name: string): void {
    this._exposedObject = withoutExposed(this._exposedObject, name)
  }

  protected override _onMessage(message: WireMessage): void {
    if ('method' in message) answerRequest(this._exposedObject, message, (answer) => this._send(answer))
  }

  protected override _onGarbage(): void {
    this._send({ id: null, result: null, error: { code: PARSE_ERROR, message: 'Parse error' } })
  }
}
