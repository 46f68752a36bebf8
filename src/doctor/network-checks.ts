import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Config } from '../config/schema.js';
import { plural } from './amounts.js';
import { type Context, type Definition, fail, ok, skipped, type Verdict, warn } from './contract.js';
import { writable } from './directory-checks.js';

/** The port that is listened on, and who is told of signals. */
export const networkChecks: readonly Definition[] = [
  { id: 'port', level: 'required', title: 'port', key: 'server.port', short: true, needs: 'config', judge: port },
  { id: 'sinks', level: 'optional', title: 'sinks', key: 'notify.sinks', needs: 'config', judge: sinks },
];

async function port({ config, probes }: Context): Promise<Verdict> {
  const { host, port } = config.server;
  const address = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const expected = 'an address that can be listened on';
  const code = await probes.bind(host, port);
  if (code === null) return ok(port === 0 ? `any free port of ${host}` : address, expected);
  if (code === 'EADDRINUSE') {
    const state = await probes.lock(config.dataDir);
    if (state.held && state.holder?.pid !== probes.process.pid) {
      return warn(
        `${address} is in use, probably by the holder of the lock`,
        expected,
        'none, when that is the daemon',
      );
    }
    return fail(
      `${address} is in use (${code})`,
      expected,
      'stop what listens there (ss -ltnp names it), or set server.port',
    );
  }
  const fix =
    code === 'EACCES'
      ? 'set server.port to 1024 or more'
      : 'set server.host to an address of this machine, such as 127.0.0.1';
  return fail(`${address} cannot be listened on (${code})`, expected, fix);
}

type Sink = Config['notify']['sinks'][number];

const TELEGRAM = 'https://api.telegram.org';

/** Only a connection is opened: a message would reach people. Paths and queries of addresses are secrets. */
async function sinks({ config, probes, checkSinks }: Context): Promise<Verdict> {
  const { sinks } = config.notify;
  if (sinks.length === 0) return skipped('none configured');
  const names = sinks.map(({ name, type }) => `${name} (${type})`).join(', ');
  if (!checkSinks) return skipped(`${names}: not contacted`, '--check-sinks opens a connection to each');
  const faults = await Promise.all(sinks.map((sink) => faultOf(sink, probes)));
  const told = faults.filter((fault) => fault !== null);
  const expected = 'every sink can be reached';
  if (told.length === 0) return ok(`${plural(sinks.length, 'sink')} reached: ${names}`, expected);
  return warn(told.join('; '), expected, 'check the address of the sink, the network and the firewall');
}

async function faultOf(sink: Sink, probes: Context['probes']): Promise<string | null> {
  if (sink.type === 'file') {
    const { status, found } = await writable(probes, dirname(sink.path));
    return status === 'ok' ? null : `${sink.name}: ${found}`;
  }
  const url = new URL(sink.type === 'telegram' ? TELEGRAM : sink.url.reveal());
  const code = await probes.connect(url);
  return code === null ? null : `${sink.name}: no connection to ${url.host} (${code})`;
}
