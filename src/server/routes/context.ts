import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Clock } from '../../lib/clock.js';
import type { RaisedLevel } from '../../lib/memory-pressure.js';
import type { Connections } from '../connections.js';
import type { ServerPorts } from '../ports.js';
import type { RowBudget } from '../row-budget.js';
import type { ZodTypes } from '../validation.js';

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypes
>;

/** What the routes of one group are registered with. */
export interface RouteContext {
  readonly app: App;
  readonly ports: ServerPorts;
  readonly clock: Clock;
  readonly rows: RowBudget;
  readonly connections: Connections;
}

/** Who may use a route: `open` everybody, `change` only who has a token, whatever the configuration. */
export type Access = 'open' | 'read' | 'change';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `read` when left out. */
    access?: Access;
    /** The level of memory pressure from which on the route is refused; null for never, 3 when left out. */
    shedFrom?: RaisedLevel | null;
  }
}
