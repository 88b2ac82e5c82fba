/**
 * The shovel's control methods: what the host may ask of it.
 *
 * The parameters come from the host, which made this container and rules it: their schemas are checked where they are
 * built, and again here only as far as the kernel does. Streams are opened before the first `await`, because the host
 * may send on them right behind the request.
 */
import type { ProgramStartParams, SignalParams, SpawnParams } from '../protocol/control.js'
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { RpcPeer } from '../protocol/rpc-peer.js'
import type { Commands } from './commands.js'
import { fileError, spawnError } from './control-error.js'
import { SpawnFailure } from './init-client.js'
import { InputRelay } from './input-relay.js'
import { OutputRelay } from './output-relay.js'
import type { Program } from './program.js'
import { ReceivedStream } from './received-stream.js'
import { SentStream } from './sent-stream.js'

/** What a file method with a stream takes. */
interface StreamParams {
  readonly path: string
  readonly stream: number
}

/** The parts that answer. */
interface ShovelParts {
  readonly multiplexer: Multiplexer
  readonly commands: Commands
  readonly program: Program
}

/** Exposes every control method on the peer of stream 0. */
export function exposeControl(peer: RpcPeer, { multiplexer, commands, program }: ShovelParts): void {
  const method = <P>(name: string, run: (params: P) => unknown) => exposeMethod(peer, name, run)
  method('ping', () => ({}))
  method('spawn', (params: SpawnParams) => startCommand(multiplexer, commands, params).catch(rethrowSpawn))
  method('signal', ({ commandId, signal, scope }: SignalParams) => ({
    delivered: commands.signal(commandId, signal, scope),
  }))
  method('program.start', (params: ProgramStartParams) => program.start(params).catch(rethrowSpawn))
  method('observe', async () => (await import('./observe.js')).observe())
  exposeFiles(peer, multiplexer)
}

/** The parameters of control methods are always one object. */
function exposeMethod<P>(peer: RpcPeer, name: string, run: (params: P) => unknown): void {
  peer.expose(name, (params: P) => run(params))
}

function startCommand(multiplexer: Multiplexer, commands: Commands, params: SpawnParams): Promise<{ pid: number }> {
  const { stdin, stdout, stderr, outputBytes } = params
  const outputs = new Map<number, OutputRelay>()
  const inputs = new Map<number, InputRelay>()
  try {
    if (stdout !== null) outputs.set(1, new OutputRelay(multiplexer, stdout, outputBytes))
    if (stderr !== null) outputs.set(2, new OutputRelay(multiplexer, stderr, outputBytes))
    if (stdin !== null) inputs.set(0, new InputRelay(multiplexer, stdin, 'reset'))
  } catch (error) {
    for (const output of outputs.values()) output.abandon()
    throw error
  }
  const { commandId, file, args, env, cwd, cpuTimeMs } = params
  return commands.start({ commandId, file, argv: [file, ...args], env, cwd, cpuTimeMs, inputs, outputs })
}

function rethrowSpawn(error: unknown): never {
  throw error instanceof SpawnFailure ? spawnError(error.errno, error.stage) : error
}

/** The modules behind these are loaded at their first use, to keep the start short. */
function exposeFiles(peer: RpcPeer, multiplexer: Multiplexer): void {
  const method = <P extends { readonly path: string }>(name: string, run: (params: P) => Promise<unknown>) =>
    exposeMethod(peer, name, async (params: P) => {
      try {
        return await run(params)
      } catch (error) {
        throw fileError(error, name, params.path)
      }
    })
  const receiving = <P extends StreamParams>(
    name: string,
    run: (received: ReceivedStream, params: P) => Promise<unknown>,
  ) => method<P>(name, (params) => run(new ReceivedStream(multiplexer, params.stream), params))
  const sending = <P extends StreamParams>(name: string, run: (sent: SentStream, params: P) => Promise<unknown>) =>
    method<P>(name, (params) => run(new SentStream(multiplexer, params.stream), params))
  const files = () => import('./files.js')
  method('fs.stat', async (params: { path: string; followLinks: boolean }) => (await files()).statFile(params))
  method('fs.readdir', async (params: { path: string }) => (await files()).readFolder(params))
  method('fs.mkdir', async (params: { path: string; recursive: boolean; mode?: number }) =>
    (await files()).makeFolder(params),
  )
  method('fs.rm', async (params: { path: string; recursive: boolean; force: boolean }) =>
    (await files()).removeFile(params),
  )
  sending('fs.readFile', async (sent, params) => (await files()).readFile(sent, params))
  receiving('fs.writeFile', async (received, params: StreamParams & { mode?: number; append?: boolean }) =>
    (await files()).writeFile(received, params),
  )
  receiving('fs.upload', async (received, params) => (await import('./folder-upload.js')).upload(received, params))
  sending('fs.download', async (sent, params) => (await import('./folder-download.js')).download(sent, params))
}
