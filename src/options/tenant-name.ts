import { textOption } from './option.js'

/** Longest tenant, its parents included. */
const MAX_TENANT_CHARACTERS = 128
/** How deep tenants nest: `company/team/user` is three. */
const MAX_TENANT_DEPTH = 4

/** One segment: letters, digits, dots, dashes and underscores; it neither begins nor ends with a dot or dash. */
const SEGMENT_PATTERN = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/

/** A tenant: `acme`, or below a parent `acme/alice`. What a parent may use is shared by all below it. */
export function tenantOption() {
  const allowed = `1 to ${MAX_TENANT_DEPTH} names with '/' between them, each of 1 to 64 letters, digits, '_', '.' and '-', in all at most ${MAX_TENANT_CHARACTERS} characters`
  return textOption({ type: 'tenant', allowed }, tenantProblem)
}

/** The outermost parent: `acme` of `acme/alice`, and of `acme`. */
export function rootTenant(tenant: string): string {
  return tenant.split('/', 1)[0] ?? ''
}

/** @returns why a text is no tenant, or `null` */
export function tenantProblem(tenant: string): string | null {
  if (tenant === '') return 'it is empty'
  if (tenant.length > MAX_TENANT_CHARACTERS) return `it has ${tenant.length} characters`
  const segments = tenant.split('/')
  if (segments.length > MAX_TENANT_DEPTH) return `it has ${segments.length} levels`
  // The name of a member of every object, which none of its own can have.
  if (segments.includes('__proto__')) return '__proto__ is no name'
  const wrong = segments.find((segment) => !SEGMENT_PATTERN.test(segment))
  if (wrong === undefined) return null
  return wrong === '' ? 'a name in it is empty' : 'a name in it has another character, or a dot or dash at an end'
}
