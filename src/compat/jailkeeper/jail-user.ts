/** Whom a jailed command runs as: the files in its working folder are the host's, so its uid decides what it may do there. */
import { stat } from 'node:fs/promises'

/** A user of the host, or `null` for a mapped uid that owns nothing. */
export type JailUser = { readonly uid: number; readonly gid?: number } | null

/**
 * As before: the user who runs this process. When that is root, which no sandbox is, the owner of the working folder; when
 * that is root too, nobody of the host, who reads what everybody may read and writes what everybody may write.
 *
 * @param asked `uid` and `gid` of the options of `spawn`
 * @throws {Error} when nobody but root may enter the folder
 */
export async function jailUserOf(
  cwd: string,
  asked: { readonly uid?: number | undefined; readonly gid?: number | undefined },
): Promise<JailUser> {
  if (asked.uid !== undefined && asked.uid !== 0) return userOf(asked.uid, asked.gid ?? 0)
  const uid = process.getuid?.() ?? 0
  if (uid !== 0) return userOf(uid, process.getgid?.() ?? 0)
  const owner = await stat(cwd)
  if (owner.uid !== 0) return userOf(owner.uid, owner.gid)
  if ((owner.mode & 0o005) === 0o005) return null
  throw new Error(
    `${cwd} belongs to root, and only its owner and group may enter it. No jailed command is root: ` +
      'give the folder to the user whom the command is to be, or open it with chmod o+rx.',
  )
}

/** Without a gid of its own the number of the uid is taken: root's group is nobody's. */
function userOf(uid: number, gid: number): JailUser {
  return gid === 0 ? { uid } : { uid, gid }
}
