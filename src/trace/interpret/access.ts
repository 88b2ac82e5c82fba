/** What a call does with one name, before anybody judges it. */
import type { TraceAccess, TraceMode } from '../event.js'

/** One name of a call. */
export interface Access {
  readonly mode: TraceMode
  readonly access: TraceAccess
  /** It is opened for reading too. */
  readonly readsToo?: boolean | undefined
  /** It can be written from now on by another name. */
  readonly writesToo?: boolean | undefined
  readonly file: string
  readonly path: string | null
  readonly resolution: 'descriptor' | 'name' | null
  /** What the name can mean besides, while it is not known from which folder it starts. */
  readonly otherPaths?: readonly (string | null)[] | undefined
  /** Whatever the name was, the kernel did not get as far as reading it. */
  readonly unreached?: boolean | undefined
}

/** What a name argument stands for. */
export type Meaning = Pick<Access, 'file' | 'path' | 'resolution' | 'otherPaths' | 'unreached'>
