/**
 * Commands: started by init, their pipes carried over the channel by the shovel.
 *
 * A command's `exit` is told when init has reported its end and its pipes are empty, so that the byte counts are
 * final. The bytes themselves may still wait for the host's credit then: the END of a stream comes when they are sent.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { ExitNotification } from '../protocol/control.js'
import { errnoError } from './control-error.js'
import { SpawnFailure, type InitClient } from './init-client.js'
import { brokerPath, type ExitedAnswer, type SignalScope } from './init-wire.js'
import type { InputRelay } from './input-relay.js'
import type { OutputRelay } from './output-relay.js'

/** What to start. */
export interface CommandRequest {
  /** The host's number for it, never used twice; init knows the command by the same one. */
  readonly commandId: number
  readonly file: string
  /** With the zeroth argument. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** CPU time of the whole tree; `null` is no limit. */
  readonly cpuTimeMs: number | null
  /** By the command's file descriptor; descriptors 0 to 2 that are not named are `/dev/null`. */
  readonly inputs: ReadonlyMap<number, InputRelay>
  readonly outputs: ReadonlyMap<number, OutputRelay>
}

/** Starts and signals commands. */
export class Commands {
  readonly #init: InitClient
  readonly #onExit: (exit: ExitNotification) => void
  readonly #running = new Set<number>()

  constructor(init: InitClient, onExit: (exit: ExitNotification) => void) {
    this.#init = init
    this.#onExit = onExit
  }

  /**
   * @returns the process id, when the program is really being executed.
   * @throws {SpawnFailure} when it could not be; its streams are ended or reset then.
   */
  start(request: CommandRequest): Promise<{ pid: number }> {
    const { commandId: id, cpuTimeMs, inputs, outputs } = request
    const pipes = [
      ...[...inputs.keys()].map((childFd) => ({ childFd, childReads: true })),
      ...[...outputs.keys()].map((childFd) => ({ childFd, childReads: false })),
    ]
    return new Promise((resolve, reject) => {
      let openFailure: SpawnFailure | null = null
      const fail = (failure: SpawnFailure) => {
        this.#running.delete(id)
        for (const relay of inputs.values()) relay.close()
        for (const relay of outputs.values()) relay.abandon()
        reject(failure)
      }
      const events = {
        onStarted: (pid: number, broker: number) => {
          openFailure = openPipes(broker, request)
          this.#init.opened(id)
          if (openFailure === null) return resolve({ pid })
          this.#init.signal(id, 9, 'tree')
        },
        onFailed: fail,
        onExited: (exit: ExitedAnswer) => (openFailure === null ? this.#finish(request, exit) : fail(openFailure)),
      }
      this.#running.add(id)
      try {
        this.#init.spawn({ ...request, id, cpuTimeMs: cpuTimeMs ?? 0, pipes }, events)
      } catch (error) {
        fail(
          new SpawnFailure(
            error instanceof RangeError && error.message.startsWith('a NUL') ? 'EINVAL' : 'E2BIG',
            'exec',
          ),
        )
      }
    })
  }

  /** @returns `false` when the command is not there or has ended. */
  signal(commandId: number, signal: number, scope: keyof typeof SignalScope): boolean {
    if (!this.#running.has(commandId)) return false
    this.#init.signal(commandId, signal, scope)
    return true
  }

  #finish(request: CommandRequest, exit: ExitedAnswer): void {
    const { commandId, inputs, outputs } = request
    this.#running.delete(commandId)
    for (const relay of inputs.values()) relay.close()
    let open = outputs.size
    const report = () => {
      if (open > 0) return
      this.#onExit({
        commandId,
        ...decodeWaitStatus(exit.waitStatus),
        cpuMs: exit.cpuMicros / 1000,
        maxRssBytes: exit.maxRssBytes,
        leftovers: exit.leftovers,
        cause: exit.cause,
        oomKills: exit.oomKills,
        stdoutBytes: outputs.get(1)?.producedBytes ?? 0,
        stderrBytes: outputs.get(2)?.producedBytes ?? 0,
      })
    }
    for (const relay of outputs.values()) {
      relay.drain(() => {
        open -= 1
        report()
      })
    }
    if (outputs.size === 0) report()
  }
}

/** wait(2): the low seven bits are the signal, 0 for an exit, whose code is in the next byte. */
function decodeWaitStatus(status: number): { exitCode: number | null; signal: number | null } {
  const signal = status & 0x7f
  return signal === 0 ? { exitCode: (status >> 8) & 0xff, signal: null } : { exitCode: null, signal }
}

/**
 * Opens the shovel's ends of the pipes, which the broker holds until it is told. The guest can have done something to the
 * broker: then the command fails to start.
 */
function openPipes(broker: number, { inputs, outputs }: CommandRequest): SpawnFailure | null {
  const opened: number[] = []
  const open = (childFd: number, flags: number) => {
    const fd = openSync(brokerPath(broker, childFd), flags | constants.O_NONBLOCK)
    opened.push(fd)
    if (!fstatSync(fd).isFIFO()) throw errnoError('EBADF', 'open', 'it is no pipe')
  }
  try {
    for (const childFd of inputs.keys()) open(childFd, constants.O_WRONLY)
    for (const childFd of outputs.keys()) open(childFd, constants.O_RDONLY)
  } catch (error) {
    for (const fd of opened) closeSync(fd)
    return new SpawnFailure((error as NodeJS.ErrnoException).code ?? 'EIO', 'fork')
  }
  const relays = [...inputs.values(), ...outputs.values()]
  relays.forEach((relay, index) => relay.attach(opened[index] as number))
  return null
}
