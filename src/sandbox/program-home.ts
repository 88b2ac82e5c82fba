/** Where a program's files lie in the home, so that what they load is found beside them. */
import { realpath } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import type { ProgramLoadParams } from '../protocol/index.js'
import type { ProgramFiles, ProgramSource } from './program-files.js'

/** The home of a sandbox: the folder of the host that it was packed from, and what it holds in the guest. */
export interface ProgramHome {
  /** `null`: the home is empty. */
  readonly folder: string | null
  /** As an image says; see `PreparedImage`. */
  readonly paths: readonly string[]
}

/** What the program's process is told to load. With the permission `'home'` it is told of the home. */
export async function buildLoadParams(
  { program, methods }: ProgramFiles,
  permissions: readonly string[],
  home: ProgramHome,
): Promise<ProgramLoadParams> {
  const isPermitted = permissions.includes('home')
  const folder = isPermitted ? home.folder : null
  const [first, second] = await Promise.all([locate(program, folder), locate(methods, folder)])
  return { program: first, methods: second, permissions: [...permissions], home: isPermitted ? [...home.paths] : null }
}

async function locate(file: ProgramSource | null, folder: string | null): Promise<ProgramLoadParams['program']> {
  return file === null ? null : { ...file, guestPath: await findInHome(file.filename, folder) }
}

/** @returns the path in the guest; a file that is not of the home counts as one at its top. */
export async function findInHome(filename: string, folder: string | null): Promise<string> {
  const atTop = `/${basename(filename)}`
  if (folder === null) return atTop
  try {
    const path = relative(await realpath(folder), await realpath(filename))
    return path === '..' || path.startsWith('../') ? atTop : `/${path}`
  } catch {
    return atTop
  }
}
