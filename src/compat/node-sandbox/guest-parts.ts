/** The halves of plugins that run in the sandbox, read on the host. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readGuestFolder } from '../../plugins/guest-files.js'
import type { GuestPart } from './link/link.js'
import type { PluginManager } from './plugin-manager.js'

/** @returns what the program's process is given of each plugin that has such a half, in order. @throws {PluginError} */
export async function readGuestParts(manager: PluginManager): Promise<GuestPart[]> {
  const parts: GuestPart[] = []
  for (const { manifest, folder } of manager._loaded) {
    const { name, provides = [] } = manifest
    const main = folder === null ? '' : join(folder, 'ShovelHooks.js')
    if (folder === null || !existsSync(main)) continue
    const { sources } = await readGuestFolder(name, folder, main)
    const startData = manager.plugins[name]?.['startData'] ?? {}
    parts.push({ plugin: name, provides: [...provides], main, sources, startData })
  }
  return parts
}
