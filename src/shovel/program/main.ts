/**
 * Runs the user's program inside a sandbox, with `rpc` to the host.
 *
 * None of this is protection. Trimmed globals and permitted modules are a convenience: they tell an honest program
 * early what it may count on. A hostile one gets around them, and finds itself in a container where the kernel decides.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import process from 'node:process'
import type { ProgramActionParams, ProgramLoadParams } from '../../protocol/control.js'
import { EXIT_VIOLATION } from '../../protocol/control-codes.js'
import { MessageDecoder } from '../../protocol/message.js'
import { RpcPeer } from '../../protocol/rpc-peer.js'
import { GatheringTransport } from '../../protocol/gathering-transport.js'
import { readDescriptor } from '../channel.js'
import { nodeCommand } from '../node-command.js'
import { describeStack } from './load-error.js'
import { loadFiles } from './load-files.js'
import { createSend } from './messenger.js'
import { exposePlugins } from './guest-parts.js'
import { createRpc } from './rpc.js'

const FD = { error: 2, in: 3, out: 4 } as const

function main(): void {
  const dieOfError = (error: unknown) => die(describeStack(error), 1)
  process.on('uncaughtException', dieOfError)
  process.on('unhandledRejection', dieOfError)
  process.on('SIGUSR1', () => undefined)

  const output = new Socket({ fd: FD.out, readable: false, writable: true })
  output.on('error', () => process.exit(0))
  const onViolation = (error: Error) => die(error.message, EXIT_VIOLATION)
  const transport = new GatheringTransport(output)
  const peer = new RpcPeer({
    send: (message) => transport.write(message),
    queuedBytes: () => output.writableLength,
    onViolation,
  })
  const rpc = createRpc(peer)
  exposePlugins(peer, rpc)
  let loaded = false
  peer.expose('$/ping', () => ({}))
  peer.expose('$/load', async (params: ProgramLoadParams) => {
    if (loaded) throw new Error('a program is already loaded')
    loaded = true
    arrangeRestart()
    const callAction = await loadFiles(params, { rpc, send: createSend(peer) })
    peer.expose('$/action', ({ name, data }: ProgramActionParams) => callAction(name, data))
    return {}
  })

  const messages = new MessageDecoder((value, cost) => peer.receive(value, cost))
  const take = (chunk: Buffer): void => {
    try {
      messages.push(chunk)
    } catch (error) {
      onViolation(error as Error)
    }
  }
  readDescriptor(FD.in, take, () => process.exit(0))
}

/** `child_process.fork` and `cluster` run `execPath` with `execArgv`: here that must be the loader's whole line. */
function arrangeRestart(): void {
  const [file, ...args] = nodeCommand(__dirname)
  process.execPath = file
  process.execArgv = args
}

function die(text: string, code: number): never {
  try {
    writeSync(FD.error, `${text}\n`)
  } catch {
    // Nobody reads; the exit code has to do.
  }
  process.exit(code)
}

main()
