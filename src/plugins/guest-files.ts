/** The files of a guest part, read on the host before anything is started. */
import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { PluginError } from '../errors.js'
import { printable } from '../printable.js'
import { quotePlugin } from './quote-plugin.js'

/** Each part travels in one message, which may have 16 MiB. */
const MAX_BYTES = 4 * 1024 * 1024
const MAX_FILES = 256

/** What is run in the program's process, and what it can `require`. */
export interface GuestFiles {
  /** `module` exports hooks; `class` exports the class `ShovelHooks` of old. */
  readonly form: 'module' | 'class'
  /** The path on the host, for stacks; it begins with that of the folder. */
  readonly main: string
  /** Texts by absolute path on the host. */
  readonly sources: Readonly<Record<string, string>>
}

/** One file. @throws {PluginError} when it is missing, unreadable, no text or too large. */
export async function readGuestFile(plugin: string, path: string): Promise<GuestFiles> {
  return { form: 'module', main: path, sources: { [path]: await readText(plugin, path, MAX_BYTES) } }
}

/** A file with everything beside and below it that it could `require`. @throws {PluginError} */
export async function readGuestFolder(plugin: string, folder: string, main: string): Promise<GuestFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(plugin, folder, error)
  })
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:js|cjs|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== main)
  const limit = (what: string): PluginError =>
    new PluginError(
      plugin,
      null,
      `the folder of the plugin ${quotePlugin(plugin)} holds ${what}: bundle what the guest needs`,
    )
  if (paths.length >= MAX_FILES) throw limit(`more than ${MAX_FILES} files`)
  const sources: Record<string, string> = {}
  let left = MAX_BYTES
  for (const path of [main, ...paths.sort()]) {
    const text = await readText(plugin, path, MAX_BYTES)
    left -= Buffer.byteLength(text)
    if (left < 0) throw limit(`more than ${MAX_BYTES} bytes of source (${printable(relative(folder, path), 100)})`)
    sources[path] = text
  }
  return { form: 'class', main, sources }
}

async function readText(plugin: string, path: string, maxBytes: number): Promise<string> {
  try {
    // Neither waits for a writer of a FIFO nor reads a device without end.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new Error('it is no regular file')
      if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
      return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile())
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unreadable(plugin, path, error)
  }
}

function unreadable(plugin: string, path: string, cause: unknown): PluginError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `cannot read the guest part '${printable(path, 200)}' of the plugin ${quotePlugin(plugin)}: ${why}`
  return new PluginError(plugin, null, message, { cause })
}
