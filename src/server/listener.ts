import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.js';
import type { Gate } from './gate.js';
import { MAX_HEADER_BYTES, MAX_REQUESTS_PER_CONNECTION, type ServerLimits } from './limits.js';
import { PROBLEM_TYPE, type Problem, problemBody } from './problem.js';

/** On every reply. The API is no page: nothing of it is to be run, framed, guessed, kept or read across origins. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** What Node says of a request that it could not parse or wait for. */
const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: `headers: allowed are ${MAX_HEADER_BYTES} bytes` },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'the request did not come in time' },
  HPE_INVALID_METHOD: { status: 400, detail: 'method: found an unknown one' },
};
const NOT_HTTP: Problem = { status: 400, detail: 'the request is not valid HTTP/1.1' };
const NO_TUNNELS: Problem = {
  status: 405,
  detail: 'method: CONNECT is not allowed',
  headers: { Allow: 'GET, HEAD, POST' },
};
const NO_EXPECTATIONS: Problem = { status: 417, detail: 'Expect: allowed is 100-continue' };

export interface ListenerParts {
  readonly gate: Gate;
  readonly connections: Connections;
  readonly limits: ServerLimits;
}

/**
 * An HTTP server with limits, which lets a request on to `handler` when the gate does. Whatever is refused here ends
 * its connection.
 */
export function createListener({ gate, connections, limits }: ListenerParts, handler: RequestListener): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.timeoutCheckMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Node's own answer has no body; the gate says it in ours.
    requireHostHeader: false,
  });
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  server.timeout = limits.stalledTimeoutMs;
  const arrive = (request: IncomingMessage, response: ServerResponse) => {
    connections.serving(request.socket, response);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    return gate.check(request);
  };
  server.on('connection', (socket) => connections.add(socket));
  server.on('request', (request: IncomingMessage, response) => {
    const refusal = arrive(request, response);
    if (refusal === null) handler(request, response);
    else refuse(response, refusal);
  });
  server.on('checkContinue', (request: IncomingMessage, response) => {
    const refusal = arrive(request, response);
    if (refusal !== null) return refuse(response, refusal);
    response.writeContinue();
    handler(request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response) => {
    refuse(response, arrive(request, response) ?? NO_EXPECTATIONS);
  });
  server.on('connect', (_request, socket) => refuseRaw(socket as Socket, NO_TUNNELS));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // In the middle of a reply, another one would be taken for a part of it.
    if (!socket.writable || connections.isReplying(socket)) socket.destroy();
    else refuseRaw(socket, CLIENT_ERRORS[error.code ?? ''] ?? NOT_HTTP);
  });
  return server;
}

function refuse(response: ServerResponse, problem: Problem): void {
  const body = problemBody(problem);
  response.writeHead(problem.status, { ...problemHeaders(problem, body), Connection: 'close' });
  response.end(body);
}

/** For a socket that Node has not made a response for. */
function refuseRaw(socket: Socket, problem: Problem): void {
  const body = problemBody(problem);
  const headers = { ...HEADERS, ...problemHeaders(problem, body), Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // No client needs the reason phrase.
  socket.end(`HTTP/1.1 ${problem.status} \r\n${lines.join('')}\r\n${body}`, () => socket.destroy());
}

function problemHeaders({ headers }: Problem, body: string): Record<string, string> {
  return { ...headers, 'Content-Type': PROBLEM_TYPE, 'Content-Length': String(Buffer.byteLength(body)) };
}
