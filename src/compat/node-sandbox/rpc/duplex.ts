import { withExposed, withoutExposed, type Exposed, type ExposedObject } from '../method-tree.js'
import { answerRequest } from './answer-request.js'
import { Client } from './client.js'
import type { WireMessage } from './stream-parser.js'

/** A `Server` and a `Client` on one stream. What is no JSON object is dropped silently: it may be a program's own output. */
export class Duplex extends Client {
  /** Everything that the other side can call. */
  _exposedObject: object = {}

  /** @see {@link Server.expose} */
  expose(name: string, value: Exposed): void {
    this._exposedObject = withExposed(this._exposedObject, name, value)
  }

  /** @see {@link Server.exposeObject} */
  exposeObject(object: ExposedObject): void {
    this._exposedObject = object
  }

  /** @see {@link Server.unexpose} */
  unexpose(name: string): void {
    this._exposedObject = withoutExposed(this._exposedObject, name)
  }

  protected override _onMessage(message: WireMessage): void {
    if ('method' in message) answerRequest(this._exposedObject, message, (answer) => this._send(answer))
    else super._onMessage(message)
  }
}
