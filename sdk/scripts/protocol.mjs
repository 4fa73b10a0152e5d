// Makes the types of the API's messages out of its JSON Schema: `protocol.mjs SCHEMA OUT`.

import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** What the envelope holds, which the socket knows by itself. */
const ENVELOPES = new Set(['Request', 'Event', 'Outcome', 'Response', 'Refusal']);

/** The text of `protocol.ts` for a schema. */
export function protocol(schema) {
  const types = schema.$defs;
  const declared = Object.keys(types).filter((name) => !ENVELOPES.has(name)).sort();
  return [
    '// Made of docs/json-api.schema.json by `npm run protocol`: do not edit.\n',
    ...declared.map((name) => declaration(name, types[name])),
    methods('Methods', 'The parameters of each request, by its method.', types.Request),
    methods('Events', 'The parameters of each event, by its name, without their number.', types.Event),
  ].join('\n');
}

function declaration(name, schema) {
  const head = comment(schema.description, '');
  if (schema.oneOf || schema.anyOf || schema.enum || !schema.properties && schema.type !== 'object') {
    return `${head}export type ${name} =\n${variants(schema).join('\n')};\n`;
  }
  return `${head}export interface ${name} ${object(schema, '')}\n`;
}

/** One line a variant, with what is said of it above. */
function variants(schema) {
  const all = schema.oneOf ?? schema.anyOf ?? schema.enum?.map((word) => ({ const: word })) ?? [schema];
  return all.map((variant) => `${comment(variant.description, '  ')}  | ${type(variant, '  ')}`);
}

function methods(name, description, schema) {
  const lines = schema.oneOf.map((variant) => {
    const { method, params } = variant.properties;
    return `${comment(variant.description, '  ')}  ${method.const}: ${reference(params.$ref)};`;
  });
  return `${comment(description, '')}export interface ${name} {\n${lines.join('\n')}\n}\n`;
}

function type(schema, indent) {
  if (schema.$ref) return reference(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ');
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return choice.map((it) => type(it, indent)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((it) => type({ ...schema, type: it }, indent)).join(' | ');
  switch (schema.type) {
    case 'string': case 'boolean': case 'null': return schema.type;
    case 'integer': case 'number': return 'number';
    case 'array': return `${type(schema.items, indent)}[]`;
    case 'object': return schema.properties ? object(schema, indent) : record(schema, indent);
    default: throw new Error(`the schema has what the generator does not know: ${JSON.stringify(schema)}`);
  }
}

function record({ additionalProperties: values }, indent) {
  return values ? `{ [name: string]: ${type(values, indent)} }` : '{}';
}

function object(schema, indent) {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return '{}';
  const needed = new Set(schema.required);
  const lines = entries.map(([name, field]) => {
    const mark = needed.has(name) ? '' : '?';
    return `${comment(field.description, `${indent}  `)}${indent}  ${name}${mark}: ${type(field, `${indent}  `)};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function reference(to) {
  return to.replace('#/$defs/', '');
}

function comment(text, indent) {
  return text ? `${indent}/** ${text.replace(/\s+/g, ' ').trim()} */\n` : '';
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , from, to] = process.argv;
  await writeFile(to, protocol(JSON.parse(await readFile(from, 'utf8'))));
}
