import { crc32 } from 'node:zlib';
import type { SignalRecord } from './contract.js';

/** Of the line format: raised when a reader of the old one could misunderstand the new one. */
const VERSION = 1;
const TAIL = /^,"crc32":"([0-9a-f]{8})"\}$/;
const TAIL_BYTES = ',"crc32":"00000000"}'.length;

/**
 * A record as one line of a signal file, its line break included: a JSON object whose last member is the CRC-32 (hex) of
 * all bytes before the comma that precedes it.
 */
export function encodeLine(record: SignalRecord): string {
  const body = JSON.stringify({ v: VERSION, ...record }).slice(0, -1);
  return `${body},"crc32":"${checksum(body)}"}\n`;
}

/** The record of a line without its line break, or null when it is not a whole line as `encodeLine` wrote it. */
export function decodeLine(line: Uint8Array): SignalRecord | null {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const body = bytes.subarray(0, Math.max(0, bytes.length - TAIL_BYTES));
  const tail = TAIL.exec(bytes.toString('latin1', body.length));
  if (tail === null || tail[1] !== checksum(body)) return null;
  // The checksum proves that these are the bytes once written, so their version is all that is left to ask.
  const { v, crc32: _, ...record } = JSON.parse(bytes.toString()) as SignalRecord & { v: number; crc32: string };
  return v === VERSION ? record : null;
}

function checksum(body: string | Uint8Array): string {
  return crc32(body).toString(16).padStart(8, '0');
}
