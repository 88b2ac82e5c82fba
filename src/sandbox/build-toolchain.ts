import { DockerDriver } from '../driver/docker/docker-driver.js'
import { ensureToolchain, type Toolchain } from '../image/index.js'
import { parseToolchainOptions, type ToolchainOptions } from '../options/index.js'

/**
 * Makes sure that the engine has a toolchain: a Debian with gcc, make, git, Python, Node.js and npm, which `base: 'toolchain'`
 * then stands for. mmdebstrap makes it from packages of a mirror in about a minute, as root or with a user namespace, and
 * needs 2 GiB of temporary disk. What was made once for the same options is found again at once, also after a package has
 * got an update: remove the image to have it made anew.
 *
 * @throws {InvalidOptionsError} {@link ImageError} when mmdebstrap or Debian's keys are missing, or it fails. Errors of the
 *   engine; the reason of the signal; what `onProgress` throws.
 */
export async function buildToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const parsed = parseToolchainOptions(options)
  if (parsed.driver !== null) return ensureToolchain(parsed.driver.images, parsed)
  const driver = new DockerDriver()
  try {
    return await ensureToolchain(driver.images, parsed)
  } finally {
    await driver.close()
  }
}
