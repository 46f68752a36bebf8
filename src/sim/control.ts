import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { UsageError } from '../domain/errors.js';
import type { Faults } from './faults/faults.js';
import type { FaultRuleInput } from './faults/rule.js';
import type { StatsRecorder } from './stats.js';
import { parseStreamFaults, type StreamFaultInput } from './stream/faults/rule.js';
import type { StreamServer } from './stream/server.js';

const LARGEST_BODY_BYTES = 2 ** 20;

export interface ControlOptions {
  readonly faults: Faults;
  readonly stream: StreamServer;
  readonly setStatus: (symbol: string, status: string | null) => void;
  readonly stats: StatsRecorder;
}

/** Rules for REST or, with `"target": "stream"`, for the stream. */
export type AnyFaultInput = FaultRuleInput | StreamFaultInput;

const listingSchema = z.strictObject({ symbol: z.string(), status: z.string().min(1).nullable() });

/**
 * The simulator's own endpoints, beside the exchange's: `POST /sim/faults` (a rule or a list of rules), `GET` and
 * `DELETE /sim/faults[?id=]`, `POST /sim/listings` (`{"symbol","status"}`, null takes the symbol off), `GET /sim/stats` of
 * REST and `GET /sim/stream` of the stream. They cost no weight and suffer no fault.
 */
export async function handleControl(
  options: ControlOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  search: string,
): Promise<void> {
  const { faults, stream, stats } = options;
  const activeFaults = () => ({ faults: [...faults.list(), ...stream.faults.list()] });
  try {
    switch (`${request.method} ${path}`) {
      case 'GET /sim/stats':
        return answer(response, 200, stats.snapshot());
      case 'GET /sim/stream':
        return answer(response, 200, stream.stats());
      case 'GET /sim/faults':
        return answer(response, 200, activeFaults());
      case 'POST /sim/faults':
        return answer(response, 200, { ids: addFaults(options, await readJson(request)) });
      case 'DELETE /sim/faults':
        for (const some of [faults, stream.faults]) some.clear(new URLSearchParams(search).get('id') ?? undefined);
        return answer(response, 200, activeFaults());
      case 'POST /sim/listings':
        changeListing(options, await readJson(request));
        return answer(response, 200, {});
      default:
        return answer(response, 404, { error: `${request.method} ${path} is not a control endpoint` });
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    answer(response, 400, { error: error.message });
  }
}

/** Returns the ids in the order of the rules; when one of them is no rule, none is added. */
function addFaults({ faults, stream }: ControlOptions, input: unknown): string[] {
  const rules = [input].flat() as AnyFaultInput[];
  const forStream = rules.filter(isForStream);
  parseStreamFaults(forStream);
  const restIds = faults.add(rules.filter((rule): rule is FaultRuleInput => !isForStream(rule)));
  const streamIds = stream.faults.add(forStream);
  return rules.map((rule) => (isForStream(rule) ? streamIds.shift() : restIds.shift()) as string);
}

export function isForStream(rule: AnyFaultInput): rule is StreamFaultInput {
  return typeof rule === 'object' && rule !== null && 'target' in rule && rule.target === 'stream';
}

function changeListing({ setStatus }: ControlOptions, input: unknown): void {
  const parsed = listingSchema.safeParse(input);
  if (!parsed.success) throw new UsageError(`listing: allowed is {"symbol","status"}, found ${JSON.stringify(input)}`);
  setStatus(parsed.data.symbol, parsed.data.status);
}

function answer(response: ServerResponse, status: number, value: object): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY_BYTES) throw new UsageError(`fault rules may have ${LARGEST_BODY_BYTES} bytes at most`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new UsageError('fault rules must be JSON');
  }
}
