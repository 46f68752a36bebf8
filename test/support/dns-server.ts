import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** An IPv4 address, an error, or nothing at all. */
export type DnsAnswer = `${number}.${number}.${number}.${number}` | 'SERVFAIL' | 'NXDOMAIN' | 'silence';

export interface DnsServer {
  /** Answers every question of a name like this from now on. */
  answer(answer: DnsAnswer): void;
  close(): Promise<void>;
}

const RESPONSE_CODES: Readonly<Record<string, number>> = { SERVFAIL: 2, NXDOMAIN: 3 };
const TYPE_A = 1;

/** A name server on the address and port 53, which only root may take. RFC 1035 §4.1. */
export async function startDnsServer(address: string): Promise<DnsServer> {
  let current: DnsAnswer = 'silence';
  const socket = createSocket('udp4', (question, { port, address: to }) => {
    if (current !== 'silence') socket.send(reply(question, current), port, to);
  });
  socket.bind(53, address);
  await once(socket, 'listening');
  return {
    answer: (answer) => {
      current = answer;
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function reply(question: Buffer, answer: DnsAnswer): Buffer {
  let end = 12;
  while (question[end] !== 0) end += 1 + (question[end] as number);
  const asked = question.subarray(12, end + 5);
  const code = RESPONSE_CODES[answer] ?? 0;
  const isGiven = code === 0 && question.readUInt16BE(end + 1) === TYPE_A;
  const header = Buffer.alloc(12);
  question.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isGiven ? 1 : 0, 6);
  // A pointer to the name in the question, type A, class IN, to be kept for no time, four bytes.
  const record = [0xc0, 0x0c, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...answer.split('.').map(Number)];
  return Buffer.concat([header, asked, Buffer.from(isGiven ? record : [])]);
}
