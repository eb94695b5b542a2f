/** What a workload's parameters are called and what they take: for command lines, forms and their help. */
import { z } from 'zod';

export interface ParameterField {
  /** As in the body: `thread_count`. */
  readonly name: string;
  /** What to enter, in words. */
  readonly description: string;
  /** text: one of `choices`, or free. decimal: a whole number sent as a decimal string. number: as a JSON number. */
  readonly kind: 'text' | 'decimal' | 'number';
  readonly choices: readonly string[];
}

const field = z.object({
  description: z.string().default(''),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.object({ type: z.string().optional() })).optional(),
});
const fields = z.object({ properties: z.record(z.string(), field) });

/**
 * The fields that a workload's `parameters` schema accepts, in its order.
 * @throws ZodError if the schema is not one of an object with named fields
 */
export function parameterFields(schema: z.ZodType): ParameterField[] {
  const described = fields.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return Object.entries(described.properties).map(([name, entry]) => {
    const types = [entry.type ?? [], ...(entry.anyOf ?? []).map(({ type }) => type ?? [])].flat(2);
    const numeric = types.includes('number') || types.includes('integer');
    return {
      name,
      description: entry.description,
      kind: !numeric ? 'text' : types.includes('string') ? 'decimal' : 'number',
      choices: (entry.enum ?? []).map(String),
    };
  });
}
