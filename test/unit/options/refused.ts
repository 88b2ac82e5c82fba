import { expect } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import type { OptionIssue } from '../../../src/options/index.js'

/** Runs `parse`, which must throw an `InvalidOptionsError`, and returns its message and issues. */
export function refused(parse: () => unknown): { readonly message: string; readonly issues: readonly OptionIssue[] } {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    const { message, details } = error as InvalidOptionsError
    return { message, issues: details['issues'] as readonly OptionIssue[] }
  }
  return expect.fail('nothing was refused')
}

/** A hint begins with a capital where it stands as a sentence of its own. */
export function anyCase(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, 'i')
}
