import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.js';
import { outsideHeapBytes } from '../../src/doctor/needs.js';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function rootFile(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

/** What the daemon promises to those that supervise it (FAULTS P3, P4, P7; memory pressure of `memory.limit`). */
export const DAEMON = {
  /** `ready` is sent by then. */
  readyMs: 120_000,
  /** It has ended by force by then, after a signal. */
  hardDeadlineMs: 8_000,
  /** Share of `memory.limit` at which it does all that it can. */
  lastPressure: 1.2,
} as const;

/** Whether V8, with these arguments of Node, lets the heap grow until the daemon does all that it can. */
export function reachesLastPressure(nodeOptions = ''): boolean {
  const { config } = loadConfig();
  const heapMib = Number(/^--max-old-space-size=(\d+)$/.exec(nodeOptions)?.[1]);
  return heapMib * 2 ** 20 + outsideHeapBytes(config) >= config.memory.limitBytes * DAEMON.lastPressure;
}

export interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** The instructions of a Dockerfile, with continued lines joined and comments left out. */
export function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return lines
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { name: name.toUpperCase(), value: value.replace(/\s+/g, ' ') };
    });
}

/** The settings of a systemd unit, as `Section.Key` with every value given. */
export function parseUnit(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      section = header;
      continue;
    }
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`found ${line}, allowed is Key=value`);
    const key = `${section}.${name}`;
    settings.set(key, [...(settings.get(key) ?? []), value]);
  }
  return settings;
}
