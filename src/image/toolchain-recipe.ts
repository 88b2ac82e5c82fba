/** How a toolchain is made, apart from what its options say: the call of mmdebstrap with the scripts in `images/toolchain`. */
import { existsSync, readFileSync } from 'node:fs'
import { ImageError } from '../errors.js'
import { TOOLCHAIN_PACKAGES } from '../options/index.js'
import { contentKey } from './content-key.js'
import { recipeFile } from './package-files.js'

/** Debian's keys, as Debian and others install them. The second is where they lie without the first. */
const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp']

/**
 * What mmdebstrap would do after the last script and so change times that the script has set, and what it would put into
 * `/dev`, which every engine fills itself.
 */
const SKIPPED = ['cleanup', 'output/dev', 'chroot/policy-rc.d', 'chroot/start-stop-daemon']

/** What makes one toolchain differ from another. */
export interface ToolchainChoice {
  readonly suite: string
  /** `null`: Debian's own, with updates and security updates. */
  readonly mirror: string | null
  /** Packages besides {@link TOOLCHAIN_PACKAGES}. */
  readonly packages: readonly string[]
}

/** One way of making a toolchain. */
export interface ToolchainRecipe {
  /** Equal for equal choices and scripts: what is in the mirror today is no part of it. */
  readonly key: string
  /** All packages that are asked for, sorted. */
  readonly packages: readonly string[]
  /** For mmdebstrap; the archive goes to stdout. @throws {ImageError} when this host lacks Debian's keys */
  arguments(): string[]
}

/** @throws {ImageError} when a script is missing in the package. */
export function toolchainRecipe({ suite, mirror, packages: more }: ToolchainChoice): ToolchainRecipe {
  const packages = [...new Set([...TOOLCHAIN_PACKAGES, ...more])].sort()
  // Texts and no files: a script that runs as a mapped user may not be able to read the folders of this one.
  const [setup = '', essential = '', customize = ''] = ['setup', 'essential', 'customize'].map((name) =>
    readFileSync(recipeFile(`${name}.sh`), 'utf8'),
  )
  const fixed = ['--variant=essential', '--format=tar', `--skip=${SKIPPED.join(',')}`]
  const key = contentKey('toolchain', suite, mirror ?? '', ...packages, ...fixed, setup, essential, customize)
  return {
    key,
    packages,
    arguments: () => [
      ...fixed,
      `--keyring=${findKeyring()}`,
      `--include=${packages.join(',')}`,
      `--setup-hook=${setup}`,
      `--essential-hook=${essential}`,
      `--customize-hook=${customize}`,
      suite,
      '-',
      ...(mirror === null ? [] : [mirror]),
    ],
  }
}

function findKeyring(): string {
  const keyring = KEYRINGS.find((path) => existsSync(path))
  if (keyring !== undefined) return keyring
  throw new ImageError(
    `Debian's keys are not here (${KEYRINGS[0] ?? ''}), so no package of Debian could be checked. ` +
      'Install the package debian-archive-keyring.',
    { details: { keyrings: KEYRINGS } },
  )
}
