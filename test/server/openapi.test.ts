import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromJSONSchema } from 'zod';
import { CHINESE, openTestServer, signalItem, type TestServer } from '../support/server.js';

interface Media {
  readonly schema: Parameters<typeof fromJSONSchema>[0];
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Record<string, unknown> }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { description: string; content: Readonly<Record<string, Media>> }>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly security: readonly unknown[];
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let server: TestServer;
let document: OpenApi;
beforeAll(async () => {
  server = await openTestServer({ token: 'secret' });
  const reply = await server.get('/api/v1/openapi.json', { Authorization: 'Bearer secret' });
  document = reply.json() as unknown as OpenApi;
});
afterAll(() => server.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

describe('the OpenAPI document', () => {
  it('is of version 3.1 and names the program and its version', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'candlescan', version: '1.2.3' });
  });

  it('lists every route of the contract that is served, and no other', () => {
    const listed = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect(listed.sort()).toEqual([
      'GET /api/v1/analyzers',
      'GET /api/v1/candles/{symbol}/{timeframe}',
      'GET /api/v1/cycles',
      'GET /api/v1/openapi.json',
      'GET /api/v1/signals',
      'GET /api/v1/signals/{id}',
      'GET /api/v1/status',
      'GET /api/v1/symbols',
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
      'POST /api/v1/reload',
    ]);
  });

  it('gives every operation a name of its own, a summary, its path parameters, and what errors look like', () => {
    const names = operations().map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, operation } of operations()) {
      const templated = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = operation.parameters ?? [];
      expect(parameters.filter(({ in: place }) => place === 'path').map(({ name }) => name)).toEqual(templated);
      for (const parameter of parameters) {
        expect(parameter.required).toBe(parameter.in === 'path');
        expect(parameter.schema).toHaveProperty('type');
      }
      expect(operation.summary).not.toBe('');
      expect(Object.keys(operation.responses['default']?.content ?? {})).toEqual(['application/problem+json']);
    }
  });

  it('describes the filters of signals as they are checked', () => {
    const parameters = document.paths['/api/v1/signals']?.['get']?.parameters ?? [];
    const names = 'symbol timeframe analyzer direction status since until limit cursor';
    expect(parameters.map(({ name }) => name).join(' ')).toBe(names);
    const schemaOf = (of: string) => parameters.find(({ name }) => name === of)?.schema;
    expect(schemaOf('limit')).toMatchObject({ type: 'integer', minimum: 1, maximum: 1000, default: 100 });
    expect(schemaOf('direction')).toMatchObject({ enum: ['long', 'short'] });
  });

  it('describes the body of a reload as {} that may be left out', () => {
    const { requestBody, description } = document.paths['/api/v1/reload']?.['post'] ?? {};
    expect(requestBody).toEqual({
      required: false,
      content: { 'application/json': { schema: { type: 'object', properties: {}, additionalProperties: false } } },
    });
    expect(description).toContain('may be left out');
  });

  it('asks for the bearer token everywhere but for /healthz', () => {
    expect(document.components.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(document.security).toEqual([{ bearer: [] }]);
    for (const { path, operation } of operations()) {
      expect(operation.security).toEqual(path === '/healthz' ? [] : undefined);
    }
  });

  it.each([
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
    ['/api/v1/status', '/api/v1/status'],
    ['/api/v1/cycles', '/api/v1/cycles?limit=2'],
    ['/api/v1/signals', '/api/v1/signals'],
    ['/api/v1/signals/{id}', `/api/v1/signals/${signalItem(1).id}`],
    ['/api/v1/symbols', '/api/v1/symbols'],
    ['/api/v1/analyzers', '/api/v1/analyzers'],
    ['/api/v1/candles/{symbol}/{timeframe}', `/api/v1/candles/${encodeURIComponent(CHINESE)}/5m`],
    ['/api/v1/openapi.json', '/api/v1/openapi.json'],
  ])('describes replies of %s as they are, and its errors', async (path, target) => {
    const responses = document.paths[path]?.['get']?.responses;
    const reply = await server.get(target, { Authorization: 'Bearer secret' });
    const wrong = await server.get(`${target}${target.includes('?') ? '&' : '?'}nonsense=1`, {
      Authorization: 'Bearer secret',
    });
    expect([reply.status, wrong.status]).toEqual([200, 400]);
    const schemaOf = (status: string, type: string) => {
      const schema = responses?.[status]?.content[type]?.schema;
      if (schema === undefined) throw new Error(`${path} has no schema for ${status}`);
      return fromJSONSchema(schema);
    };
    expect(schemaOf('200', 'application/json').safeParse(reply.json())).toMatchObject({ success: true });
    const problem = schemaOf('default', 'application/problem+json').safeParse(wrong.json());
    expect(problem).toMatchObject({ success: true });
  });
});
