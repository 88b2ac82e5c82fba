import { readFileSync } from 'node:fs'

/** The version in the package's own `package.json`; `0.0.0` where that is not beside the code, as in a bundle. */
export const PACKAGE_VERSION: string = readVersion()

function readVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null
    return typeof version === 'string' ? version : '0.0.0'
  } catch {
    return '0.0.0'
  }
}
