import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { MAX_BODY_BYTES, MAX_PARAMETER_CHARACTERS } from './limits.js';
import type { ServerLog } from './ports.js';
import { PROBLEM_TYPE, type Problem, ProblemError, problemBody } from './problem.js';
import type { App } from './routes/context.js';
import { InvalidInput } from './validation.js';

const METHODS = ['GET', 'HEAD', 'POST'] as const;

/** Fastify's own errors, in our words: its messages repeat what the client sent. */
const DETAILS: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'path: found broken percent-encoding, allowed is UTF-8',
  FST_ERR_MAX_PARAM_LENGTH: `path: allowed are ${MAX_PARAMETER_CHARACTERS} characters between two slashes`,
  FST_ERR_CTP_BODY_TOO_LARGE: `body: allowed are ${MAX_BODY_BYTES} bytes`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Content-Type: allowed is application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body: found nothing, allowed is JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body: found broken JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body: its length is not what Content-Length says',
  FST_ERR_HANDLER_TIMEOUT: 'no answer in time',
};

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  // As bytes, because fastify writes a charset behind the type of a text, which this type does not have.
  const body = Buffer.from(problemBody(problem));
  return reply
    .code(problem.status)
    .headers(problem.headers ?? {})
    .header('Content-Type', PROBLEM_TYPE)
    .send(body);
}

/** Turns everything that goes wrong while a request is answered into a problem. */
export function handleErrors(app: App, log: ServerLog): void {
  app.setErrorHandler((error: Error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url;
    const allowed = METHODS.filter((method) => app.findRoute({ method, url: path }) !== null);
    if (allowed.length === 0) return sendProblem(reply, NOT_FOUND);
    const detail = `method: allowed here are ${allowed.join(' ')}`;
    return sendProblem(reply, { status: 405, detail, headers: { Allow: allowed.join(', ') } });
  });
}

const NOT_FOUND: Problem = {
  status: 404,
  detail: 'path: there is nothing here; GET /api/v1/openapi.json lists what is',
};

/** Answers with what `error` means to a client, and logs it when it is our fault. */
export function answerError(error: Error, request: FastifyRequest, reply: FastifyReply, log: ServerLog): FastifyReply {
  const problem = problemOf(error);
  if (problem.status >= 500) log.error({ err: error, route: request.routeOptions.url }, 'a request failed');
  return sendProblem(reply, problem);
}

function problemOf(error: Error): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof InvalidInput) return { status: 400, detail: summary(error), errors: error.errors };
  const { code, statusCode = 500 } = error as FastifyError;
  const detail = DETAILS[code];
  if (detail !== undefined) return { status: statusCode, detail };
  if (statusCode >= 400 && statusCode < 500) return { status: statusCode, detail: 'the request cannot be understood' };
  return { status: 500, detail: 'internal error; the log of candlescan tells more' };
}

function summary({ errors: [first] }: InvalidInput): string {
  if (first === undefined) return 'the request is not valid';
  return `${first.in} ${first.name}: found ${first.found}, allowed: ${first.allowed}`;
}
