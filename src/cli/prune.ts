/** `prune`: removes what dead processes left. */
import { DockerDriver } from '../driver/docker/docker-driver.js'
import type { Terminal } from './terminal.js'

/** What commander makes of the flags of `prune`. */
export interface PruneFlags {
  readonly all?: boolean
  readonly images?: boolean
  readonly json?: boolean
}

/**
 * `prune`: removes what dead processes left on the engine.
 * @returns the exit code
 */
export async function pruneSandboxes(terminal: Terminal, flags: PruneFlags): Promise<number> {
  const driver = new DockerDriver()
  try {
    const report = await driver.prune({ all: flags.all === true, images: flags.images === true })
    if (flags.json === true) {
      terminal.printJson(report)
      return 0
    }
    for (const id of report.containers) terminal.print(`removed sandbox ${id}`)
    for (const id of report.images) terminal.print(`removed image ${id}`)
    const megabytes = (report.reclaimedBytes / 1024 ** 2).toFixed(1)
    terminal.print(
      `${report.containers.length} sandboxes and ${report.images.length} images removed, ${megabytes} MiB reclaimed`,
    )
    return 0
  } finally {
    await driver.close()
  }
}
