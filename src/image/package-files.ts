/** Files that come with this package: what the build makes for the guest, and the Dockerfile of the runner base. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ImageError } from '../errors.js'

/** The package's root; this module is two folders below it, in `src/image` and in `dist/image` alike. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** What `npm run build` makes for the inside of a sandbox, and of the tracer beside it. */
export type GuestFile = 'init' | 'tracer' | 'shovel.cjs' | 'program.cjs' | 'jail.cjs' | 'node-sandbox.cjs'

/** @throws {ImageError} when the file was not built. */
export function guestFile(name: GuestFile): string {
  return existing(join(ROOT, 'dist', 'guest', name), 'Run `npm run build` in the package, or install it again.')
}

/** @throws {ImageError} when the file is missing. */
export function runnerDockerfile(): string {
  return existing(join(ROOT, 'Dockerfile.runner'), 'Install the package again.')
}

/** A script that makes the toolchain. @throws {ImageError} when it is missing. */
export function recipeFile(name: string): string {
  return existing(join(ROOT, 'images', 'toolchain', name), 'Install the package again.')
}

function existing(path: string, advice: string): string {
  if (existsSync(path)) return path
  throw new ImageError(`${path} is missing, so no image can be made. ${advice}`, { details: { path } })
}
