/**
 * The shovel: the supervisor process inside a sandbox.
 *
 * It speaks frames with the host over descriptors 0 and 1 and asks init over descriptor 3 to start, signal and reap
 * processes; it never forks. Everything in the container is in the hands of the guest, this process included, so that
 * the host relies on nothing it says. What it owes the host is to be prompt and to need little memory.
 *
 * Exit codes: 0 the host is gone, 70 the host broke the protocol, 71 a defect in here or a lost init.
 */
import { writeSync } from 'node:fs'
import { EXIT_VIOLATION, PROTOCOL_VERSION } from '../protocol/control-codes.js'
import { MessageDecoder } from '../protocol/message.js'
import { Multiplexer } from '../protocol/multiplexer.js'
import { RpcPeer } from '../protocol/rpc-peer.js'
import { openTransport, readDescriptor } from './channel.js'
import { Commands } from './commands.js'
import { exposeControl } from './control.js'
import { InitClient } from './init-client.js'
import { Program } from './program.js'

const EXIT_DEFECT = 71

const FD = { in: 0, out: 1, error: 2, init: 3 } as const

/** The guest's processes have this process' uid and may signal it; only SIGKILL shall end it. */
const IGNORED_SIGNALS = ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGALRM', 'SIGWINCH'] as const

function main(): void {
  // A handler for SIGUSR1 also keeps node from opening its inspector on that signal.
  for (const signal of IGNORED_SIGNALS) process.on(signal, () => undefined)
  process.on('uncaughtException', (error) => die(error, EXIT_DEFECT))
  const onViolation = (error: Error) => die(error, EXIT_VIOLATION)

  const transport = openTransport(FD.out, () => process.exit(0))
  const messages = new MessageDecoder((value, cost) => peer.receive(value, cost))
  const multiplexer = new Multiplexer(transport, { onViolation, onControl: (chunk) => messages.push(chunk) })
  const peer = new RpcPeer({ send: (message) => multiplexer.sendControl(message), onViolation })
  peer.notify('ready', {
    protocol: PROTOCOL_VERSION,
    pid: process.pid,
    nodeVersion: process.version,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
  })

  // The bundle is one CommonJS file in `/.sandbox`.
  const sandboxDir = __dirname
  // Init is the container's first process: without it nothing lives on. Words about that would reach the host or not, as the
  // kernel comes to it, and look like those of a guest that was still there.
  const init = new InitClient(FD.init, () => process.exit(EXIT_DEFECT))
  const commands = new Commands(init, (exit) => peer.notify('exit', exit))
  exposeControl(peer, { multiplexer, commands, program: new Program(commands, multiplexer, sandboxDir) })
  readDescriptor(
    FD.in,
    (chunk) => multiplexer.receive(chunk),
    () => process.exit(0),
  )
}

function die(error: unknown, code: number): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  try {
    writeSync(FD.error, `container-sandbox: ${text}\n`)
  } catch {
    // Nobody reads our words; the exit code has to do.
  }
  process.exit(code)
}

main()
