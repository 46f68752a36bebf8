import { WebSocket } from 'ws';
import { lookup } from '../lookup.js';
import type { Loss } from './contract.js';

/** What a socket tells. After `closed` it tells nothing more. */
export interface SocketListener {
  opened(): void;
  message(text: string): void;
  /** A binary message: market streams have none. */
  binary(): void;
  closed(loss: Loss): void;
}

/** A text socket, as far as a connection uses one; the seam at which tests put theirs. */
export interface Socket {
  /** Always as a text frame: the exchange closes a connection that sends binary ones. */
  send(text: string): void;
  /** Asks for a clean end; `closed` follows when the peer agrees, so never for a peer that may be dead. */
  close(): void;
  /** Ends at once, whatever the peer does; `closed` follows. */
  terminate(): void;
}

/** Returns before it tells the listener anything. */
export type OpenSocket = (url: string, listener: SocketListener) => Socket;

const LARGEST_MESSAGE_BYTES = 1024 * 1024;
const MOST_FRAGMENTS = 1_024;
/** TCP segments held of one unfinished message: a peer that sends byte by byte is cut long before the message is full. */
const MOST_BUFFERED_CHUNKS = 4_096;
/**
 * libuv reads a full socket up to 32 times before anything else runs, about 5,000 frames; after this many messages the socket
 * waits for a turn of the event loop, and what the peer sends meanwhile waits in the kernel.
 */
const MESSAGES_PER_TURN = 128;

/**
 * Opens a WebSocket with everything bounded. No handshake timeout of `ws`: that one measures idleness, so a peer that drips
 * a byte now and then never trips it; the connection has a total deadline instead. Pings are answered by `ws` itself.
 */
export const openWebSocket: OpenSocket = (url, listener) => {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE_BYTES,
    maxFragments: MOST_FRAGMENTS,
    maxBufferedChunks: MOST_BUFFERED_CHUNKS,
    followRedirects: false,
    lookup,
  });
  let opened = false;
  let failure: Loss | null = null;
  socket.on('open', () => {
    opened = true;
    listener.opened();
  });
  let messages = 0;
  socket.on('message', (data: Buffer, isBinary) => {
    messages += 1;
    if (messages % MESSAGES_PER_TURN === 0) yieldTurn(socket);
    if (isBinary) listener.binary();
    else listener.message(data.toString());
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= lossOf(error, opened);
    // After a protocol error `ws` offers a closing handshake and waits 30 s for the answer of a peer that cannot speak it.
    socket.terminate();
  });
  socket.on('close', (code, reason) => {
    listener.closed(failure ?? lossOfClose(code, reason.toString()));
  });
  return {
    send: (text) => socket.send(text, ignoreSendError),
    close: () => socket.close(1000),
    terminate: () => socket.terminate(),
  };
};

function yieldTurn(socket: WebSocket): void {
  socket.pause();
  setImmediate(() => socket.resume());
}

/** A send that fails is followed by `close`, which says why. */
function ignoreSendError(): void {}

function lossOf(error: NodeJS.ErrnoException, opened: boolean): Loss {
  const code = error.code ?? '';
  if (code.startsWith('WS_ERR_')) return { reason: 'protocol', detail: `${code}: ${error.message}` };
  const isSystemError = error.syscall !== undefined;
  return { reason: opened || isSystemError ? 'network' : 'handshake', detail: error.message || code };
}

/** 1006 is what `ws` says when the peer said nothing. */
function lossOfClose(code: number, text: string): Loss {
  if (code === 1006) return { reason: 'network', detail: 'the connection ended without a close frame' };
  return { reason: 'closed', detail: text === '' ? `close ${code}` : `close ${code} ${text}` };
}
