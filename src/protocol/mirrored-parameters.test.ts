import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mirroredParameters } from './mirrored-parameters.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };
const of = (properties: object, more: object = {}) => mirroredParameters({ type: 'object', properties, ...more });

describe('the parameters a schema wants mirrored', () => {
  it('are found at the root and in nested objects, with the path to their value', () => {
    const nested = { type: 'object', properties: { tenant: { type: 'integer', 'x-mcp-header': 'Tenant-Id' } } };
    expect(of({ region, place: nested, dry: { type: 'boolean', 'x-mcp-header': 'Dry' } })).toEqual([
      { header: 'Mcp-Param-Region', key: 'mcp-param-region', path: ['region'] },
      { header: 'Mcp-Param-Tenant-Id', key: 'mcp-param-tenant-id', path: ['place', 'tenant'] },
      { header: 'Mcp-Param-Dry', key: 'mcp-param-dry', path: ['dry'] },
    ]);
  });

  it.each([
    ['has none', { type: 'object', properties: { a: { type: 'string' } } }],
    ['is no object', null],
    ['names a property like the annotation', { properties: { 'x-mcp-header': { type: 'string' } } }],
    ['has the annotation in a value', { properties: { a: { default: { 'x-mcp-header': 'A' }, examples: [region] } } }],
  ])('are none where the schema %s', (_, schema) => {
    expect(mirroredParameters(schema)).toEqual([]);
  });
});

describe('a schema whose annotations break the rules', () => {
  it.each<readonly [string, unknown]>([
    ['an empty name', of({ a: { type: 'string', 'x-mcp-header': '' } })],
    ['a name with a space', of({ a: { type: 'string', 'x-mcp-header': 'My Region' } })],
    ['a name with a line break', of({ a: { type: 'string', 'x-mcp-header': 'A\r\nEvil: 1' } })],
    ['a name with a colon', of({ a: { type: 'string', 'x-mcp-header': 'A:' } })],
    ['a name outside ASCII', of({ a: { type: 'string', 'x-mcp-header': 'Größe' } })],
    ['a name that is no text', of({ a: { type: 'string', 'x-mcp-header': 7 } })],
    ['one name twice', of({ a: region, b: region })],
    ['one name in other letters', of({ a: region, b: { type: 'string', 'x-mcp-header': 'REGION' } })],
    ['the type number', of({ a: { type: 'number', 'x-mcp-header': 'A' } })],
    ['the type object', of({ a: { type: 'object', 'x-mcp-header': 'A' } })],
    ['no type', of({ a: { 'x-mcp-header': 'A' } })],
    ['two types', of({ a: { type: ['string', 'null'], 'x-mcp-header': 'A' } })],
    ['the root itself', mirroredParameters({ type: 'string', 'x-mcp-header': 'A' })],
    ['items', of({ a: { type: 'array', items: region } })],
    ['a property inside items', of({ a: { items: { properties: { b: region } } } })],
    ['oneOf', of({ a: { oneOf: [region] } })],
    ['if', of({}, { if: { properties: { a: region } } })],
    ['not', of({}, { not: { properties: { a: region } } })],
    ['a definition', of({ a: { $ref: '#/$defs/r' } }, { $defs: { r: region } })],
    ['patternProperties', of({}, { patternProperties: { '^a': region } })],
    ['a keyword nobody knows', of({}, { 'x-more': { properties: { a: region } } })],
  ])('is refused with a reason: %s', (_, verdict) => {
    expect(verdict).toBeTypeOf('string');
  });

  it('wherever in the schema they stand, be it under a name of Object.prototype', () => {
    const keyword = fc.constantFrom('items', 'anyOf', 'then', 'additionalProperties', 'constructor', 'toString', 'x');
    fc.assert(
      fc.property(fc.array(keyword, { minLength: 1, maxLength: 6 }), (keywords) => {
        const schema = keywords.reduceRight<object>((inner, key) => ({ [key]: inner }), region);
        expect(mirroredParameters(schema)).toBeTypeOf('string');
        const onChain = keywords.reduceRight<object>((inner, key) => ({ properties: { [key]: inner } }), region);
        expect(mirroredParameters(onChain)).toMatchObject([{ path: keywords }]);
      }),
    );
  });
});
