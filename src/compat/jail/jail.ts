import { LoginFailedError } from '../../errors.js'
import { JailChild } from './child.js'
import type { JailArgs, JailedData, JailOptions } from './options.js'

/**
 * A user who is logged in and jailed in the own home: the class of the package `jail`, on a container.
 *
 * Actions of the methods file run as the user, with the home as `/`. Nothing runs before the login has succeeded.
 */
export class jail {
  readonly options: JailOptions
  readonly child: JailChild

  /** Begins the login; callbacks tell how it went. */
  constructor(args: JailArgs, options: JailOptions = {}) {
    this.options = options
    this.child = new JailChild(args, options, {
      succeeded: (result) => {
        options.onsuccesslogin?.call(this, result)
        if (options.jailedsuccessloginargs !== undefined) this.jailed(options.jailedsuccessloginargs)
      },
      failed: (result, error) => {
        if (options.onfailedlogin !== undefined) options.onfailedlogin.call(this, result)
        // Wrong passwords are everyday life; that nobody can log in must not stay unseen.
        else if (!(error instanceof LoginFailedError)) this.#report(error as Error)
      },
      message: (message) => options.cb?.call(this, message),
      error: (error) => this.#report(error),
    })
  }

  /**
   * Calls the method `data.action` with `data`; answers are messages. Never throws, because `data` often comes from a client: a
   * call before the login, after a failed one, or after the end does nothing, and is told as an error.
   */
  jailed(data: JailedData): void {
    this.child.send({ action: (data as JailedData | null | undefined)?.action, data })
  }

  /** Ends the jail, also during the login. */
  kill(): void {
    this.options.onbeforekill?.call(this)
    this.child.kill()
  }

  #report(error: Error): void {
    if (this.options.onerror !== undefined) this.options.onerror.call(this, error)
    else if (this.child.listenerCount('error') > 0) this.child.emit('error', error)
    else process.emitWarning(error.message, { type: 'JailWarning' })
  }
}
