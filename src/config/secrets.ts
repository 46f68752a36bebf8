import { MASK } from '../lib/secret.js';
import { type SinkSecret, variableOf } from './environment.js';
import { joinPath, type Path, type Problems } from './problems.js';
import { carriesCredentials } from './sinks.js';
import type { Assignment, Origin } from './sources.js';

type Fields = Readonly<Record<string, unknown>>;

/** Refuses secrets in sources that end up in repositories, backups and process lists: all but the environment. */
export function refuseSecrets(assignments: readonly Assignment[], problems: Problems): void {
  for (const { key, value, origin } of assignments) {
    const refuse = (path: Path, variable: string) =>
      problems.add(
        origin.place(path),
        joinPath([key, ...path]),
        `found a secret, allowed only in the environment (${variable})`,
      );
    if (key === 'server.token' && value !== null) refuse([], variableOf(key));
    if (key !== 'notify.sinks') continue;
    for (const [index, sink] of sinksOf(value)) {
      for (const field of secretFieldsOf(sink)) refuse([index, field], variableOfSink(sink, field));
    }
  }
}

/** Puts the secrets that variables name by sink into their sinks; a variable that names no sink is a problem. */
export function withSinkSecrets(
  sinks: Assignment,
  secrets: readonly SinkSecret[],
  problems: Problems,
): { readonly sinks: Assignment; readonly origins: ReadonlyMap<string, Origin> } {
  const origins = new Map<string, Origin>();
  if (secrets.length === 0) return { sinks, origins };
  const value = Array.isArray(sinks.value) ? [...(sinks.value as unknown[])] : [];
  for (const { sink: name, field, value: secret, origin } of secrets) {
    const found = [...sinksOf(value)].find(([, sink]) => sinkInVariable(sink) === name);
    if (found === undefined) {
      const names =
        [...sinksOf(value)].map(([, sink]) => sinkInVariable(sink)).join(', ') || 'none, notify.sinks is empty';
      problems.add(origin.place(), null, `found the name of no sink, allowed: ${names}`);
      continue;
    }
    const [index, sink] = found;
    value[index] = { ...sink, [field]: secret };
    origins.set(joinPath([sinks.key, index, field]), origin);
  }
  return { sinks: { ...sinks, value }, origins };
}

/** The value as it may be shown. */
export function masked(key: string, value: unknown): unknown {
  if (key === 'server.token') return value === null ? null : MASK;
  if (key !== 'notify.sinks' || !Array.isArray(value)) return value;
  return value.map((sink: unknown) =>
    isFields(sink)
      ? Object.fromEntries(
          Object.entries(sink).map(([name, field]) => [
            name,
            /^(token|url)$/.test(name) && field !== null ? MASK : field,
          ]),
        )
      : MASK,
  );
}

function secretFieldsOf(sink: Fields): ('token' | 'url')[] {
  const { type, token, url } = sink;
  const found: ('token' | 'url')[] = [];
  if (token !== undefined && token !== null) found.push('token');
  // The addresses that Discord and Slack hand out are their tokens; a webhook's own address need not be.
  if (typeof url === 'string' && (type !== 'webhook' || carriesCredentials(url))) found.push('url');
  return found;
}

function* sinksOf(value: unknown): Generator<[index: number, sink: Fields]> {
  if (!Array.isArray(value)) return;
  for (const [index, sink] of value.entries()) if (isFields(sink)) yield [index, sink];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sinkInVariable(sink: Fields): string {
  return typeof sink.name === 'string' ? sink.name.toUpperCase().replaceAll('-', '_') : '';
}

function variableOfSink(sink: Fields, field: string): string {
  return `${variableOf('notify.sinks')}__${sinkInVariable(sink) || '<NAME>'}__${field.toUpperCase()}`;
}
