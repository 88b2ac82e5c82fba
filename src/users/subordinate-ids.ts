import { readFile } from 'node:fs/promises'

/** A block of ids that an account of the host may use in its own user namespaces (subuid(5), subgid(5)). */
export interface SubordinateRange {
  readonly owner: string
  readonly first: number
  readonly count: number
}

/** `owner:first:count` per line; anything else is no range. */
export function parseSubordinateRanges(text: string): SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const [, owner, first, count] = /^([^:]+):(\d+):(\d+)$/.exec(line.trim()) ?? []
    return owner === undefined ? [] : [{ owner, first: Number(first), count: Number(count) }]
  })
}

/**
 * Who may use an id in a user namespace of their own: they could signal the sandbox of that id and own its files.
 *
 * @returns `null` when nobody may
 */
export async function findSubordinateOwner(
  kind: 'uid' | 'gid',
  id: number,
  folder: string = '/etc',
): Promise<string | null> {
  const text = await readFile(`${folder}/sub${kind}`, 'utf8').catch(() => '')
  return parseSubordinateRanges(text).find(({ first, count }) => id >= first && id < first + count)?.owner ?? null
}
