import { WorkspaceError } from '../../errors.js'
import { findHostProgram } from '../../image/host-programs.js'

/** Paths of the programs that make a file system of a fixed size. */
export interface HostTools {
  readonly fallocate: string
  readonly mkfs: string
  readonly mount: string
  readonly umount: string
  readonly losetup: string
}

const PROGRAMS: Readonly<Record<keyof HostTools, readonly [name: string, packageName: string]>> = {
  fallocate: ['fallocate', 'util-linux'],
  mkfs: ['mkfs.ext4', 'e2fsprogs'],
  mount: ['mount', 'mount'],
  umount: ['umount', 'mount'],
  losetup: ['losetup', 'mount'],
}

/** A program that is not there, with the package of Debian that has it. */
export interface MissingTool {
  readonly name: string
  readonly packageName: string
}

/** @returns the programs, or the first that is missing */
export function findHostTools(find: (name: string) => string | null = findHostProgram): HostTools | MissingTool {
  const found: Record<string, string> = {}
  for (const [key, [name, packageName]] of Object.entries(PROGRAMS)) {
    const path = find(name)
    if (path === null) return { name, packageName }
    found[key] = path
  }
  return found as unknown as HostTools
}

/** @throws {WorkspaceError} when one is missing */
export function requireHostTools(): HostTools {
  const tools = findHostTools()
  if (!('packageName' in tools)) return tools
  throw new WorkspaceError(
    `A disk workspace needs the command '${tools.name}': install the package '${tools.packageName}'.`,
    { details: { why: 'command is missing', command: tools.name } },
  )
}
