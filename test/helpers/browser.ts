/** Opens a page in Debian's Chromium, without a window. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PageOptions {
  /** With the `#`. */
  readonly hash?: string
}

/** @returns the document as it is when it was loaded and its scripts have run */
export async function dumpDocument(html: string, options: PageOptions = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'))
  try {
    const page = join(folder, 'page.html')
    await writeFile(page, html)
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions']
    flags.push(`--user-data-dir=${join(folder, 'profile')}`, '--window-size=1280,900')
    const { stdout } = await run('chromium', [...flags, '--dump-dom', `file://${page}${options.hash ?? ''}`], {
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    return stdout
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5, retryDelay: 100 })
  }
}
