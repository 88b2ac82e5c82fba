import { z } from 'zod'

/** The schema below defaults, optionals, nullables, freezing and transforms. */
export function unwrapSchema(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema
  for (;;) {
    if (
      current instanceof z.ZodOptional ||
      current instanceof z.ZodNullable ||
      current instanceof z.ZodDefault ||
      current instanceof z.ZodPrefault ||
      current instanceof z.ZodReadonly
    ) {
      current = current.unwrap()
    } else if (current instanceof z.ZodPipe) {
      // A transform reads on the left; preprocess reads on the right.
      current = current.in instanceof z.ZodTransform ? current.out : current.in
    } else {
      return current
    }
  }
}

/** The object schema that `schema` is, or that one branch of its union is; `null` when there is none. */
export function objectSchemaOf(schema: z.core.$ZodType): z.ZodObject | null {
  const inner = unwrapSchema(schema)
  if (inner instanceof z.ZodObject) return inner
  if (!(inner instanceof z.ZodUnion)) return null
  for (const branch of inner.options) {
    const found = objectSchemaOf(branch)
    if (found !== null) return found
  }
  return null
}

/** The names of the options that an object has at `path` inside `schema`. */
export function shapeAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: z.core.$ZodType | undefined = schema
  for (const key of path) {
    const inner: z.core.$ZodType = unwrapSchema(current)
    const shape: Readonly<Record<string, z.core.$ZodType>> = objectSchemaOf(inner)?.shape ?? {}
    current = inner instanceof z.ZodArray ? inner.element : Object.hasOwn(shape, key) ? shape[String(key)] : undefined
    if (current === undefined) return []
  }
  return Object.keys(objectSchemaOf(current)?.shape ?? {})
}
