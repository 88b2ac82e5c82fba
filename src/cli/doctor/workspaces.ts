/** Whether builds can have workspaces on disk. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineInfo } from '../../driver/driver.js'
import { WorkspaceStore, type DiskQuota } from '../../runner/workspaces/index.js'
import { ok, warn, type Finding } from './finding.js'

/** Makes a small one in a folder for temporary files, and ends it. */
export async function readWorkspaceFinding(info: EngineInfo | null): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), 'container-sandbox-doctor-'))
  try {
    return judgeWorkspaces(await new WorkspaceStore(folder).probe(info))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Workspaces in memory are always there, so that a missing quota stops no build that asks for little. */
export function judgeWorkspaces({ available, reason, hint }: DiskQuota): Finding {
  if (available)
    return ok(
      'disk workspaces',
      'available',
      'a build can have more room than memory, and the kernel holds it to its size',
    )
  const meaning = 'workspaces of builds are in memory: their size counts towards limits.memoryBytes'
  return warn('disk workspaces', `not available: ${reason ?? 'unknown'}`, meaning, hint ?? 'try as root')
}
