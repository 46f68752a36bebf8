import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerLimits } from './limits.js';

type ConnectionLimits = Pick<ServerLimits, 'maxConnections' | 'maxConnectionsPerAddress' | 'maxUnreadBytes'>;

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** Replies that are being made or written. */
  readonly replies: Set<ServerResponse>;
}

/**
 * Every open connection, the longest idle first. Beyond a limit a newcomer takes the place of the oldest connection
 * that no handler works for (idle, still sending its headers, or slow to read its reply), so that holding connections
 * open locks out nobody; only when there is none is the newcomer turned away.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();
  #displaced = 0;
  #turnedAway = 0;
  #slowReaders = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  add(socket: Socket): void {
    const connection: Connection = { socket, address: socket.remoteAddress ?? '', replies: new Set() };
    if (!this.#makeRoom(connection.address)) {
      this.#turnedAway += 1;
      socket.destroy();
      return;
    }
    this.#open.set(socket, connection);
    this.#perAddress.set(connection.address, this.#countOf(connection.address) + 1);
    socket.once('close', () => this.#forget(connection));
  }

  /** To be told of every request, as soon as it has come. */
  serving(socket: Socket, response: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.replies.add(response);
    response.once('close', () => {
      connection.replies.delete(response);
      this.#moveToEnd(connection);
    });
  }

  /** Whether a reply has begun and not ended. */
  isReplying(socket: Socket): boolean {
    return [...(this.#open.get(socket)?.replies ?? [])].some(({ headersSent }) => headersSent);
  }

  /** Cuts those with the most unread bytes until what waits fits the limit again. To be called before long replies. */
  cutSlowReaders(): void {
    let unread = 0;
    for (const socket of this.#open.keys()) unread += socket.writableLength;
    if (unread <= this.#limits.maxUnreadBytes) return;
    const slowestFirst = [...this.#open.keys()].sort((a, b) => b.writableLength - a.writableLength);
    for (const socket of slowestFirst) {
      if (unread <= this.#limits.maxUnreadBytes) return;
      unread -= socket.writableLength;
      this.#slowReaders += 1;
      this.#cut(socket);
    }
  }

  /** Cuts them all. */
  close(): void {
    for (const socket of this.#open.keys()) this.#cut(socket);
  }

  stats() {
    return {
      connections: this.#open.size,
      displaced: this.#displaced,
      turnedAway: this.#turnedAway,
      slowReaders: this.#slowReaders,
    };
  }

  #makeRoom(address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const addressIsFull = this.#countOf(address) >= maxConnectionsPerAddress;
    if (!addressIsFull && this.#open.size < maxConnections) return true;
    for (const connection of this.#open.values()) {
      if ((addressIsFull && connection.address !== address) || isWorkedFor(connection)) continue;
      this.#displaced += 1;
      this.#cut(connection.socket);
      return true;
    }
    return false;
  }

  #cut(socket: Socket): void {
    socket.destroy();
    const connection = this.#open.get(socket);
    if (connection !== undefined) this.#forget(connection);
  }

  /** May be called twice, because a cut socket says that it closed only later. */
  #forget({ socket, address }: Connection): void {
    if (!this.#open.delete(socket)) return;
    const left = this.#countOf(address) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  #moveToEnd(connection: Connection): void {
    if (this.#open.delete(connection.socket)) this.#open.set(connection.socket, connection);
  }

  #countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }
}

function isWorkedFor({ replies }: Connection): boolean {
  for (const reply of replies) if (!reply.writableEnded) return true;
  return false;
}
