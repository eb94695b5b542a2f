/** Values that a schema takes, made from the schema itself: a field that is added tomorrow is tried tomorrow. */
import fc from 'fast-check';
import { z } from 'zod';
import { schemaOf } from '../../protocol/openapi.ts';

const jsonSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
});
type JsonSchema = z.infer<typeof jsonSchema>;

/** Most entries and characters of what is made: bounds are tried by the mutations. */
const MOST = 8;
const MOST_CHARACTERS = 40;

/** @param schema one that JSON Schema can say */
export function valuesOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  return arbitraryOf(jsonSchema.parse(schemaOf(schema, 'input')));
}

function arbitraryOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf !== undefined)
    return fc.oneof(...schema.anyOf.map((each) => arbitraryOf(jsonSchema.parse(each))));
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (types.length === 0) return fc.jsonValue({ maxDepth: 3 });
  return fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  const { minimum = -1e9, maximum = 1e9, exclusiveMinimum } = schema;
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc
        .maxSafeInteger()
        .map((n) => minimum + (Math.abs(n) % Math.min(maximum - minimum + 1, 2 ** 53 - 1)));
    case 'number':
      return fc.double({
        min: exclusiveMinimum ?? minimum,
        max: maximum,
        minExcluded: exclusiveMinimum !== undefined,
        noNaN: true,
      });
    case 'string':
      return stringOf(schema);
    case 'array': {
      const { minItems = 0, maxItems = MOST, items = {} } = schema;
      return fc.array(arbitraryOf(jsonSchema.parse(items)), {
        minLength: minItems,
        maxLength: Math.min(maxItems, MOST),
      });
    }
    case 'object':
      return objectOf(schema);
    default:
      throw new Error(`the schema has a type ${type}, which is not known here`);
  }
}

function stringOf({ pattern, minLength = 0, maxLength = MOST_CHARACTERS }: JsonSchema): fc.Arbitrary<string> {
  const most = Math.min(maxLength, MOST_CHARACTERS);
  if (pattern === undefined) {
    return fc
      .string({ unit: 'grapheme', minLength, maxLength: most })
      .map((text) => text.slice(0, maxLength))
      .filter((text) => text.length >= minLength);
  }
  const cut = fc.stringMatching(new RegExp(pattern, 'u'), { maxLength: most });
  // A whole number, or the text of one that counts: half of them small, so that what they ask for can be done.
  return /^\^\(0\|/.test(pattern) ? fc.oneof(fc.nat(1000).map(String), cut) : cut;
}

function objectOf({
  properties = {},
  required = [],
  additionalProperties,
}: JsonSchema): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, arbitraryOf(jsonSchema.parse(schema))] as const,
  );
  const known = fc.record(Object.fromEntries(fields), { requiredKeys: required });
  if (typeof additionalProperties !== 'object' || fields.length > 0) return known;
  return fc.dictionary(fc.string({ maxLength: MOST }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: MOST });
}
