import { z } from 'zod'

/** One layer below a default, optional, nullable, freezing or transform; `null` at the innermost schema. */
export function innerSchemaOf(schema: z.core.$ZodType): z.core.$ZodType | null {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    return schema.unwrap()
  }
  // A transform reads what stands on its left.
  return schema instanceof z.ZodPipe ? schema.in : null
}

/**
 * The object schema that `schema` is, or that one branch of its union is; `null` when there is none.
 * @param names - of several branches the one that has most of them; default: the first
 */
export function objectSchemaOf(schema: z.core.$ZodType, names: readonly string[] = []): z.ZodObject | null {
  const inner = innermost(schema)
  if (inner instanceof z.ZodObject) return inner
  if (!(inner instanceof z.ZodUnion)) return null
  let best: z.ZodObject | null = null
  for (const branch of inner.options) {
    const found = objectSchemaOf(branch, names)
    if (found !== null && (best === null || shared(found, names) > shared(best, names))) best = found
  }
  return best
}

function shared({ shape }: z.ZodObject, names: readonly string[]): number {
  return names.filter((name) => Object.hasOwn(shape, name)).length
}

/** The names of the options that an object with these names has at `path` inside `schema`. */
export function shapeAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
  names: readonly string[] = [],
): readonly string[] {
  let current: z.core.$ZodType = schema
  for (const key of path) {
    const inner = innermost(current)
    const shape: Readonly<Record<string, z.core.$ZodType>> = objectSchemaOf(inner)?.shape ?? {}
    const element =
      inner instanceof z.ZodArray ? inner.element : inner instanceof z.ZodRecord ? inner.valueType : undefined
    const next = element ?? (Object.hasOwn(shape, key) ? shape[String(key)] : undefined)
    if (next === undefined) return []
    current = next
  }
  return Object.keys(objectSchemaOf(current, names)?.shape ?? {})
}

function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema
  for (let inner = innerSchemaOf(current); inner !== null; inner = innerSchemaOf(current)) current = inner
  return current
}
