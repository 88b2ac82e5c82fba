/** How a toolchain is made, apart from what its options say: the call of mmdebstrap with the scripts in `images/toolchain`. */
import { existsSync, readFileSync } from 'node:fs'
import { ImageError } from '../errors.js'
import { TOOLCHAIN_PACKAGES } from '../options/index.js'
import { contentKey } from './content-key.js'
import { recipeFile } from './package-files.js'

/** Debian's keys, as Debian and others install them. The second is where they lie without the first. */
const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp']

/**
 * What mmdebstrap would do after the last script and so change times that the script has set; what it would put into `/dev`,
 * which every engine fills itself; and its search for a keyring, which needs gpg and leaves a folder behind when it is ended.
 */
const SKIPPED = ['cleanup', 'output/dev', 'chroot/policy-rc.d', 'chroot/start-stop-daemon', 'check/signed-by']

/**
 * The headers that tar puts before long names have the current time otherwise. `SOURCE_DATE_EPOCH` would fix it too, but cut
 * the times of files that are younger, on which Python's compiled modules depend.
 */
const ENVIRONMENT = { LC_ALL: 'C.UTF-8', TAR_OPTIONS: '--pax-option=exthdr.mtime=0' }

/** Mounts and processes in namespaces of their own, for root too, so that none outlives mmdebstrap. Without root, users too. */
const MODE = '--mode=unshare'

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
  /** For mmdebstrap, besides what belongs to the machine. */
  readonly environment: Readonly<Record<string, string>>
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
  const fixed = [MODE, '--variant=essential', '--format=tar', `--skip=${SKIPPED.join(',')}`]
  const key = contentKey(
    'toolchain',
    suite,
    mirror ?? '',
    ...packages,
    ...fixed,
    JSON.stringify(ENVIRONMENT),
    setup,
    essential,
    customize,
  )
  return {
    key,
    environment: ENVIRONMENT,
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
