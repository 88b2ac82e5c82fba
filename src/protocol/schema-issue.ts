import type * as z from 'zod/mini'
import { printable } from '../printable.js'

/**
 * Says in a few words why untrusted data failed its schema. Keys of the data are cut and escaped, values never shown.
 *
 * @returns for example `error.code: invalid_type`
 */
export function describeIssue(error: z.core.$ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'unknown issue'
  const path = issue.path.slice(0, 8).map(String).join('.')
  return `${path === '' ? '' : `${printable(path, 128)}: `}${issue.code}`
}
