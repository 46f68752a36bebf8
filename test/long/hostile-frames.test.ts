import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frameBytes, RawServer, upgrade } from '../support/stream-server-raw.js';

const BUILD = new URL('../../build/', import.meta.url);
const CHILD = fileURLToPath(new URL('../support/flooded-child.mjs', import.meta.url));
const canMeasure = existsSync('/proc/self/clear_refs') && existsSync(BUILD);
const MOST_MIB = 20;
const FRAGMENTS = 1_000_000;
const MESSAGE_BYTES = 50_000_000;

/** Writes as fast as the peer reads, until it is gone. */
function flood(socket: Socket, first: Buffer, chunk: Buffer, count: number): void {
  let left = count;
  const more = () => {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(chunk)) return;
  };
  socket.on('drain', more);
  socket.write(first);
  more();
}

function inFragments(payload: string): (socket: Socket) => void {
  const fragment = frameBytes(payload, { opcode: 0, final: false });
  return (socket) =>
    flood(
      socket,
      frameBytes(payload, { final: false }),
      Buffer.alloc(1_000 * fragment.length, fragment),
      FRAGMENTS / 1_000,
    );
}

describe.skipIf(!canMeasure)(
  'a peer that sends too much (skipped without /proc, or unless the program is built)',
  () => {
    it.each<[string, (socket: Socket) => void]>([
      [
        'a message of 50 MB',
        (socket) =>
          flood(socket, frameBytes('', { length: MESSAGE_BYTES }), Buffer.alloc(50_000, 0x20), MESSAGE_BYTES / 50_000),
      ],
      ['a million empty fragments', inFragments('')],
      ['a million fragments of a byte', inFragments('x')],
    ])(`W7: %s costs a connection, and no more than ${MOST_MIB} MiB`, async (_, sendTooMuch) => {
      let say = (socket: Socket): void => void socket.end(frameBytes('x', { opcode: 3 }));
      const server = await RawServer.start(upgrade, (socket) => say(socket));
      onTestFinished(() => server.stop());
      const child = spawn(process.execPath, [CHILD, BUILD.href, server.url], { stdio: ['pipe', 'pipe', 'inherit'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('warm');
      say = sendTooMuch;
      child.stdin.write('go\n');
      const { reason, grownMib } = JSON.parse((await lines.next()).value as string) as {
        reason: string;
        grownMib: number;
      };
      expect(reason).toBe('protocol');
      expect(grownMib).toBeLessThanOrEqual(MOST_MIB);
    });
  },
);
