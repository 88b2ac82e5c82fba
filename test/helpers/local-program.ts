/** A program in a local shovel, with the host's end of its channel. */
import { basename } from 'node:path'
import type { ProgramLoadParams } from '../../src/protocol/control.ts'
import { MessageDecoder } from '../../src/protocol/message.ts'
import { RpcPeer } from '../../src/protocol/rpc-peer.ts'
import { LocalShovel } from './local-shovel.ts'

/** A shovel whose program process runs; `load` gives it a source. */
export class LocalProgram implements AsyncDisposable {
  readonly shovel: LocalShovel
  readonly peer: RpcPeer
  readonly stdout: Promise<Buffer>
  readonly stderr: Promise<Buffer>

  static async start(env: Record<string, string> = {}): Promise<LocalProgram> {
    const shovel = await LocalShovel.start()
    const program = new LocalProgram(shovel)
    const started = shovel.peer.call('program.start', {
      commandId: 0,
      channel: 1,
      env: { PATH: '/usr/bin:/bin', ...env },
      cwd: shovel.workDir,
      stdout: program.#stdoutStream,
      stderr: program.#stderrStream,
      cpuTimeMs: null,
    })
    program.#openChannel()
    await started
    return program
  }

  readonly #stdoutStream: number
  readonly #stderrStream: number
  #send: (message: Buffer) => void = () => undefined

  private constructor(shovel: LocalShovel) {
    this.shovel = shovel
    this.#stdoutStream = shovel.allotStream()
    this.#stderrStream = shovel.allotStream()
    this.stdout = shovel.receiveAll(this.#stdoutStream)
    this.stderr = shovel.receiveAll(this.#stderrStream)
    const onViolation = (violation: Error) => (shovel.violation ??= violation)
    this.peer = new RpcPeer({ send: (message: Buffer) => this.#send(message), onViolation })
    void shovel.exitOf(0).then(() => this.peer.close(new Error('the program ended')))
  }

  /** Gives the program its source; resolves when it has run. */
  load(source: string, permissions: readonly string[] = [], filename = 'guest.js'): Promise<unknown> {
    const program = { source, filename, guestPath: `/${basename(filename)}` }
    return this.loadFiles({ program, permissions: [...permissions] })
  }

  /** Gives the program whatever it is to load. */
  loadFiles(params: Partial<ProgramLoadParams>): Promise<unknown> {
    return this.peer.call('$/load', { program: null, methods: null, permissions: [], home: null, ...params })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shovel[Symbol.asyncDispose]()
  }

  #openChannel(): void {
    const { multiplexer } = this.shovel
    const messages = new MessageDecoder((value) => this.peer.receive(value))
    const receiver = multiplexer.openReceiver(1, {
      onData: (chunk) => {
        messages.push(chunk)
        receiver.consumed(chunk.length)
      },
      onEnd: () => undefined,
      onReset: () => undefined,
    })
    const sender = multiplexer.openSender(1, { onWritable: () => undefined, onReset: () => undefined })
    this.#send = (message) => void sender.write(message)
  }
}
