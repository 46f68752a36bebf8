import { fastify } from 'fastify';
import type { ZodMiniType } from 'zod/mini';
import type { Auth } from './auth.js';
import { answerError, handleErrors, sendProblem } from './errors.js';
import { MAX_BODY_BYTES, MAX_PARAMETER_CHARACTERS } from './limits.js';
import { createListener, type ListenerParts } from './listener.js';
import type { ServerLog } from './ports.js';
import type { App } from './routes/context.js';
import type { Shedding } from './shedding.js';
import { validatorCompiler, type ZodTypes } from './validation.js';

/** A value that is longer is told by its length. */
const LONGEST_SHOWN = 64;

interface AppParts extends ListenerParts {
  readonly auth: Auth;
  readonly shedding: Shedding;
  readonly log: ServerLog;
}

/** The application without routes: limits, the gate before routing, token and memory after it, and what errors become. */
export function createApp({ auth, shedding, log, ...listener }: AppParts): App {
  const app = fastify({
    serverFactory: (handler) => createListener(listener, handler),
    // The listener answers those itself.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, log),
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    handlerTimeout: listener.limits.handlerTimeoutMs,
    routerOptions: { maxParamLength: MAX_PARAMETER_CHARACTERS },
  }).withTypeProvider<ZodTypes>();
  app.removeContentTypeParser('text/plain');
  const show = (found: string) =>
    found.length > LONGEST_SHOWN || auth.gaveAway(found) ? `${found.length} characters` : found;
  app.setValidatorCompiler<ZodMiniType>(validatorCompiler(show));
  app.setSerializerCompiler(() => JSON.stringify);
  handleErrors(app, log);
  app.addHook('onRequest', (request, reply, done) => {
    const { access = 'read', shedFrom = 3 } = request.routeOptions.config;
    const refused =
      access === 'open' ? null : auth.check(request.headers.authorization, request.ip, access === 'change');
    // Who may not ask is not told how the process is doing.
    const refusal = refused ?? shedding.check(shedFrom);
    if (refusal === null) done();
    else sendProblem(reply, refusal);
  });
  return app;
}
