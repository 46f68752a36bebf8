import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { DEFAULTS_FILE } from '../../src/config/file.js';
import { configSchema } from '../../src/config/json-schema.js';
import { KEYS } from '../../src/config/keys.js';

type Node = z.core.JSONSchema.BaseSchema;

const schema = configSchema();
const validator = z.fromJSONSchema(schema);
const accepts = (yaml: string) => validator.safeParse(parse(yaml)).success;

function nodeOf(key: string): Node {
  return key.split('.').reduce<Node>((node, name) => {
    const inner = node.properties?.[name];
    if (typeof inner !== 'object') throw new Error(`no ${key} in the schema`);
    return inner;
  }, schema);
}

describe('configSchema', () => {
  it('accepts the defaults, an empty file and a single key', () => {
    expect(accepts(readFileSync(DEFAULTS_FILE, 'utf8'))).toBe(true);
    expect(accepts('{}')).toBe(true);
    expect(accepts('cycle: {settle: 1s}')).toBe(true);
    expect(accepts('analyzers: {enabled: [trend, {name: rsi, parameters: {period: 9}}]}')).toBe(true);
    expect(accepts('notify: {sinks: [{name: a, type: telegram, chatId: 5}]}')).toBe(true);
  });

  it.each([
    'cycel: {settle: 1s}',
    'cycle: {setle: 1s}',
    'cycle: {settle: 1}',
    'cycle: {settle: "5m "}',
    'cache: {l1MaxSize: 64MB}',
    'exchange: {id: kraken}',
    'exchange: {weightShare: 1.5}',
    'exchange: {restUrl: "ftp://h"}',
    'timeframes: [7m]',
    'server: {token: secret}',
    'notify: {sinks: [{name: a, type: telegram, chatId: 5, token: secret}]}',
    'notify: {sinks: [{name: a, type: mail}]}',
  ])('refuses %s', (yaml) => {
    expect(accepts(yaml)).toBe(false);
  });

  it('is draft 2020-12 and describes every key, with its default', () => {
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    for (const key of KEYS.keys()) {
      expect(nodeOf(key).description, key).toMatch(/^[A-Za-z/].{15,}[.]$/);
      if (key !== 'server.token') expect(nodeOf(key), key).toHaveProperty('default');
    }
    expect(nodeOf('cycle.settle').default).toBe('2500ms');
    expect(nodeOf('timeframes').default).toEqual(['5m', '15m', '1h']);
    expect(nodeOf('exchange').description).toBe('The exchange that is scanned.');
  });

  it('marks secrets, which a file may not hold', () => {
    expect(nodeOf('server.token')).toMatchObject({ writeOnly: true, type: 'null' });
  });

  it('says the unit of every duration and size', () => {
    for (const key of KEYS.keys()) {
      const texts = JSON.stringify(nodeOf(key));
      if (texts.includes('ms|s|m|h|d')) expect(nodeOf(key).description, key).toMatch(/^Duration: /);
      if (texts.includes('KiB|MiB')) expect(nodeOf(key).description, key).toMatch(/^Size: /);
    }
  });
});
