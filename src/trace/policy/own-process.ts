/**
 * `/proc/<own id>` as one name for all processes.
 *
 * What a process sees of itself is its own business, and what it sees of others is not. So the folder of the process that is
 * judged is renamed to `/proc/self`, which patterns and the ready-made sets name.
 */

const PROCESS = /^\/proc\/(self|thread-self|\d+)(?:\/task\/\d+)?(\/.*)?$/s

/** Links in a process's folder that lead anywhere: what lies behind one is not the process's. */
const BEHIND_LINK = /^\/(?:cwd|fd\/\d+|map_files\/[^/]+)\//
const BEHIND_ROOT = /^\/root(\/.+)$/s

/**
 * @param path absolute and in normal form
 * @param processId who asks
 * @returns the names to judge the path by: one that a list has is enough
 */
export function namesOf(path: string, processId: number): readonly string[] {
  if (!path.startsWith('/proc/')) return [path]
  const match = PROCESS.exec(path)
  if (match === null) return [path]
  const [, id, rest = ''] = match
  const isSelf = id === 'self' || id === 'thread-self'
  if (!isSelf && Number(id) !== processId) return [path]
  // The root of a sandbox's process is the sandbox's.
  const behindRoot = BEHIND_ROOT.exec(rest)?.[1]
  if (behindRoot !== undefined) return namesOf(behindRoot, processId)
  const numbered = isSelf ? `/proc/${processId}${path.slice(`/proc/${id}`.length)}` : path
  return BEHIND_LINK.test(rest) ? [numbered] : [`/proc/self${rest}`, numbered]
}
