/** Logs that this process writes, by file: who follows one here is told of every write and of its end. */
import type { BigIntStats } from 'node:fs'
import { ChangeNotice } from './change-notice.js'

/** A log as its followers see it. */
export class LiveLog {
  readonly notice = new ChangeNotice()
  /** Bytes of whole lines that can be read. */
  writtenBytes: number
  isClosed = false

  constructor(writtenBytes: number) {
    this.writtenBytes = writtenBytes
  }
}

const logs = new Map<string, LiveLog>()

/** What names a file as long as somebody has it open (inode(7)). */
function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}

/** @returns the log that this process writes into this file */
export function findLiveLog(stats: BigIntStats): LiveLog | undefined {
  return logs.get(keyOf(stats))
}

/** @returns what takes it out again */
export function addLiveLog(stats: BigIntStats, log: LiveLog): () => void {
  const key = keyOf(stats)
  logs.set(key, log)
  return () => {
    if (logs.get(key) === log) logs.delete(key)
  }
}
