/**
 * Why a supervisor is silent.
 *
 * Theory of operation. A command that fills the memory is usually killed at once. But the kernel first takes back the pages of programs, the
 * supervisor's own among them, and reads them again when they are needed. As long as it finds such a page it kills nobody. Where the
 * pages were read for the first time in this sandbox, so that they count towards its memory, this was seen to go on for 50 s.
 */
import type { ContainerHandle } from '../driver/driver.js'

/** How long the engine may take to tell what a container uses; then nothing is known of its memory. */
const USAGE_MS = 2_000

/**
 * The part of its memory that a container uses when it has none left. At the limit everything else is inactive page cache and what
 * is on its way; 0.97 to 0.99 was seen of 128 MiB, and a larger limit leaves a smaller rest.
 */
const FULL = 0.9

/** @returns `oom` when its memory is full now, else `lockup`. Takes two seconds at most; never rejects. */
export async function reasonOfSilence(container: Pick<ContainerHandle, 'usage'>): Promise<'oom' | 'lockup'> {
  try {
    const { memoryBytes, memoryLimitBytes } = await container.usage(AbortSignal.timeout(USAGE_MS))
    return memoryLimitBytes > 0 && memoryBytes >= FULL * memoryLimitBytes ? 'oom' : 'lockup'
  } catch {
    return 'lockup'
  }
}
