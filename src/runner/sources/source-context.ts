/** Where a source goes, and what it may take. */
export interface SourceContext {
  /** Guest path of the workspace. */
  readonly workspace: string
  /** A private folder of this host for what is fetched. The caller removes it. */
  readonly scratchDir: string
  /** The most bytes that go in, unpacked. */
  readonly maxBytes: number
  /** The most files, folders and links. */
  readonly maxEntries: number
  readonly signal: AbortSignal
}

/** What went in. */
export interface PlacedSource {
  readonly entries: number
  readonly bytes: number
  /** The commit that is checked out, in hexadecimal; `null` for what is no repository. */
  readonly commit: string | null
}
