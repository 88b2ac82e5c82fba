/**
 * Replaces known secrets in what a build prints.
 *
 * Every byte of every occurrence of every form (see `secretForms`) is masked, so overlapping secrets are masked as a whole; what
 * overlaps or touches becomes one `***`. The result does not depend on how the bytes come in chunks.
 *
 * This is a net for accidents and no boundary: a build that wants to show its secret can write it in another form.
 */
import { cutPieces, chooseMask } from './secret-pieces.js'
import { PatternAutomaton, type Runs } from './pattern-automaton.js'
import { secretForms } from './secret-forms.js'

const NOTHING = Buffer.alloc(0)

/** Masks the same secrets in any number of streams and texts. */
export class SecretMasker {
  readonly #automaton: PatternAutomaton | null
  readonly #mask: Buffer

  /** @param secrets - values; empty ones are left out */
  constructor(secrets: Iterable<string>) {
    const pieces = [...secretForms(secrets)].flatMap(cutPieces)
    this.#automaton = pieces.length === 0 ? null : new PatternAutomaton(pieces)
    this.#mask = chooseMask(pieces)
  }

  /** Begins a stream, for example the output of one step. */
  stream(): MaskedStream {
    return new MaskedStream(this.#automaton, this.#mask)
  }

  /** A text with all secrets masked. Mask before a text is cut or escaped: what is left of a secret then is not known. */
  text(value: string): string {
    if (this.#automaton === null) return value
    const bytes = Buffer.from(value)
    const stream = this.stream()
    const masked = Buffer.concat([stream.push(bytes), stream.end()])
    // What holds no secret stays as it is, halves of surrogate pairs included.
    return masked.equals(bytes) ? value : masked.toString()
  }
}

/** One stream of bytes with its secrets masked, see {@link SecretMasker.stream}. */
export class MaskedStream {
  readonly #automaton: PatternAutomaton | null
  readonly #mask: Buffer
  #state = 0
  /** What can be the beginning of a secret, and where in it there is one already. */
  #held: Buffer = NOTHING
  #runs: Runs = []
  /** Whether what was given out last is a mask: another secret that touches it belongs to it. */
  #masked = false

  /** @internal */
  constructor(automaton: PatternAutomaton | null, mask: Buffer) {
    this.#automaton = automaton
    this.#mask = mask
  }

  /** Bytes that wait for what follows them: fewer than the longest form has, and fewer than 127. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** @returns what is certain by now; it can share memory with `chunk` */
  push(chunk: Buffer): Buffer {
    if (this.#automaton === null || chunk.length === 0) return chunk
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#state = this.#automaton.scan(bytes, this.#held.length, this.#state, this.#runs)
    return this.#take(bytes, bytes.length - this.#automaton.depth(this.#state))
  }

  /** @returns the rest; what is pushed later is another stream */
  end(): Buffer {
    this.#state = 0
    const rest = this.#take(this.#held, this.#held.length)
    this.#masked = false
    return rest
  }

  /** Gives out what is before `certain`, masked; a run that goes beyond it is given out whole, since it is masked anyway. */
  #take(bytes: Buffer, certain: number): Buffer {
    const runs = this.#runs
    let used = 0
    while (used < runs.length && (runs[used] as number) <= certain) used += 2
    const end = used === 0 ? Math.max(0, certain) : Math.max(certain, runs[used - 1] as number)
    const plain = used === 0 && !this.#masked
    const given = plain ? bytes.subarray(0, end) : this.#replace(bytes, end, runs.slice(0, used))
    this.#runs = runs.slice(used).map((place) => place - end)
    // A copy: what is kept must not keep a whole chunk in memory, nor change with it.
    this.#held = end === bytes.length ? NOTHING : Buffer.from(bytes.subarray(end))
    return given
  }

  #replace(bytes: Buffer, end: number, runs: Runs): Buffer {
    const result = Buffer.allocUnsafe(end + (runs.length / 2) * this.#mask.length)
    let length = 0
    let at = 0
    for (let index = 0; index < runs.length; index += 2) {
      const begin = Math.max(0, runs[index] as number)
      if (begin > at) length = put(result, length, bytes, at, begin)
      if (begin > 0 || !this.#masked) length = put(result, length, this.#mask, 0, this.#mask.length)
      at = runs[index + 1] as number
    }
    length = put(result, length, bytes, at, end)
    if (end > 0) this.#masked = at === end
    return result.subarray(0, length)
  }
}

/** Copies bytes; few are faster one by one than by a call. @returns the length after it */
function put(target: Buffer, length: number, source: Buffer, begin: number, end: number): number {
  if (end - begin > 32) return length + source.copy(target, length, begin, end)
  for (let at = begin; at < end; at += 1) target[length + at - begin] = source[at] as number
  return length + end - begin
}
