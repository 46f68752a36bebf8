import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import * as z from 'zod/mini';
import { noQuery } from './input.js';
import { outputs } from './output.js';
import { PROBLEM_TYPE } from './problem.js';
import type { App } from './routes/context.js';

const SECURITY = [{ bearer: [] }];

/** Collects the routes that are registered after it into an OpenAPI 3.1 document, which `app.swagger()` returns. */
export async function collectOpenApi(app: App, version: string): Promise<void> {
  const mayLackBody = new Set<string | undefined>();
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'candlescan',
        version,
        description:
          'Signals of the scanner and what stands behind them. With server.token set, everything but /healthz needs it. ' +
          'Replies may get further members over time.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: SECURITY,
    },
    transform: ({ schema, url }) => {
      if (schema.body instanceof z.ZodMiniNullable) mayLackBody.add(schema.operationId);
      return { schema: asJsonSchema(schema), url };
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject;
      const { openapiObject } = document;
      // The plugin writes of every body that it is required.
      for (const { post } of Object.values(openapiObject.paths ?? {}).filter((path) => path !== undefined)) {
        if (!mayLackBody.has(post?.operationId)) continue;
        if (post?.requestBody !== undefined && 'content' in post.requestBody) post.requestBody.required = false;
      }
      return openapiObject;
    },
  });
}

/** Response descriptions stand where fastify and OpenAPI look for them; schemas become JSON Schema. */
function asJsonSchema(schema: FastifySchema): FastifySchema {
  const { querystring, params, body, response, ...rest } = schema;
  return {
    ...rest,
    ...(querystring !== undefined && { querystring: toJson(querystring, 'input') }),
    ...(params !== undefined && { params: toJson(params, 'input') }),
    ...(body !== undefined && { body: toJson(body instanceof z.ZodMiniNullable ? body.def.innerType : body, 'input') }),
    response: { ...responses(response), default: PROBLEM },
  };
}

function responses(response: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries((response ?? {}) as Readonly<Record<string, unknown>>).map(([status, of]) => {
      const { description = '', content } = of as ResponseDocument;
      const media = Object.entries(content).map(([type, { schema }]) => [type, { schema: toJson(schema, 'output') }]);
      return [status, { description, content: Object.fromEntries(media) }];
    }),
  );
}

interface ResponseDocument {
  readonly description?: string;
  readonly content: Readonly<Record<string, { readonly schema: unknown }>>;
}

/** A response for the `schema` of a route. */
export function reply(description: string, schema: z.core.$ZodType, type = 'application/json'): ResponseDocument {
  return { description, content: { [type]: { schema } } };
}

function toJson(schema: unknown, io: 'input' | 'output'): object {
  const json = z.toJSONSchema(schema as z.core.$ZodType, { io });
  delete json.$schema;
  for (const property of Object.values(json.properties ?? {})) convertDefault(property);
  return json;
}

/** A number comes as a text, and so does its default; to the document it is a number. */
function convertDefault(property: z.core.JSONSchema.BaseSchema | boolean): void {
  if (typeof property === 'boolean' || property.type !== 'integer' || property.default === undefined) return;
  property.default = Number(property.default);
}

const PROBLEM = {
  description: 'What was wrong, as problem details (RFC 9457)',
  content: { [PROBLEM_TYPE]: { schema: toJson(outputs.problem, 'output') } },
};

/** Serves the document, which is whole once all routes are there and is written once. */
export function addOpenApiRoute(app: App): void {
  let document: Buffer | null = null;
  app.get(
    '/api/v1/openapi.json',
    {
      schema: {
        operationId: 'openapi',
        summary: 'This document',
        querystring: noQuery,
        response: { 200: reply('OpenAPI 3.1', outputs.openapi) },
      },
    },
    (_request, response) => {
      document ??= Buffer.from(JSON.stringify(app.swagger()));
      return response.type('application/json').send(document);
    },
  );
}
