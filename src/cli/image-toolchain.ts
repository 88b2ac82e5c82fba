/** `image toolchain`: makes what `base: 'toolchain'` stands for, or finds it. */
import type { ToolchainPhase, ToolchainProgress } from '../options/index.js'
import { buildToolchain } from '../sandbox/build-toolchain.js'
import { signalExitCode } from './exit-code.js'
import { SignalForwarder } from './signal-forwarder.js'
import type { Terminal } from './terminal.js'

/** What commander makes of the flags of `image toolchain`. */
export interface ToolchainFlags {
  readonly suite?: string
  readonly mirror?: string
  readonly include?: readonly string[]
  readonly json?: boolean
}

const PHASE_TEXTS: Readonly<Record<ToolchainPhase, string>> = {
  index: 'reading the index of packages',
  download: 'downloading essential packages',
  unpack: 'unpacking essential packages',
  essential: 'installing essential packages',
  packages: 'downloading and installing the tools',
  clean: 'cleaning up',
  pack: 'packing',
  load: 'loading into the engine',
}

/**
 * Makes the toolchain, or finds it. Progress goes to stderr: on a terminal one line that is written over, otherwise nothing.
 * @returns the exit code; 128 + n when signal n ended it, after it has cleaned up
 */
export async function makeToolchainImage(terminal: Terminal, flags: ToolchainFlags): Promise<number> {
  // mmdebstrap has a process group of its own: it is told by us, and cleans up before we go.
  using signals = new SignalForwarder()
  const line = process.stderr.isTTY ? new ProgressLine(terminal) : null
  try {
    const toolchain = await buildToolchain({
      ...(flags.suite !== undefined && { suite: flags.suite }),
      ...(flags.mirror !== undefined && { mirror: flags.mirror }),
      ...(flags.include !== undefined && { packages: [...flags.include] }),
      signal: signals.aborted,
      onProgress: (progress) => line?.show(progress),
    })
    line?.clear()
    const { id, tag, suite, packages, sizeBytes, built } = toolchain
    if (flags.json === true) terminal.printJson({ id, tag, suite, packages, sizeBytes, built })
    else
      terminal.print(`${tag}: ${id} (${(sizeBytes / 1024 ** 2).toFixed(0)} MiB, ${built ? 'built' : 'already there'})`)
    return 0
  } catch (error) {
    if (signals.received === null) throw error
    return signalExitCode(signals.received)
  } finally {
    line?.clear()
  }
}

/** One line of a terminal that is written over. */
class ProgressLine {
  readonly #terminal: Terminal
  #shown = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show({ phase, step, steps, elapsedMs }: ToolchainProgress): void {
    const text = `[${step}/${steps}] ${PHASE_TEXTS[phase]} (${Math.round(elapsedMs / 1000)}s)`
    this.#terminal.errorOutput.write(`\r\u001b[K${text}`)
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) this.#terminal.errorOutput.write('\r\u001b[K')
    this.#shown = false
  }
}
