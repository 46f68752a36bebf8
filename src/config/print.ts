import { stringify } from 'yaml';
import { asTree } from './keys.js';
import { LIVE_KEYS } from './live.js';
import type { LoadedConfig } from './load.js';

/**
 * The effective configuration, secrets masked, with the origin of each value, a newline at its end: as YAML that can be
 * used as a file again, origins as comments, or as JSON
 * `{"schema":1,"config":{…},"origins":{"path.to.key":"…"},"live":["path.to.key",…],"warnings":[…]}`, in which `live` are
 * the keys that a reload puts into effect.
 */
export function printConfig(loaded: LoadedConfig, { json }: { readonly json: boolean }): string {
  return `${json ? printJson(loaded) : printYaml(loaded)}\n`;
}

function printJson({ shown, origins, warnings }: LoadedConfig): string {
  const live = [...shown.keys()].filter((key) => LIVE_KEYS.has(key));
  return JSON.stringify({ schema: 1, config: asTree(shown), origins: Object.fromEntries(origins), live, warnings });
}

function printYaml({ shown, origins }: LoadedConfig): string {
  const lines: { readonly text: string; readonly origin?: string }[] = [];
  let open = '';
  for (const [key, value] of shown) {
    const [section = '', name] = key.split('.');
    if (name !== undefined && section !== open) lines.push({ text: `${section}:` });
    open = section;
    const text = name === undefined ? `${section}: ${flow(value)}` : `  ${name}: ${flow(value)}`;
    lines.push({ text, origin: originOf(key, origins) });
  }
  const width = Math.min(60, Math.max(...lines.map(({ text }) => text.length)));
  return lines
    .map(({ text, origin }) => (origin === undefined ? text : `${text.padEnd(width)}  # ${origin}`))
    .join('\n');
}

/** The origin of a key, and of what was put into its value from elsewhere. */
function originOf(key: string, origins: ReadonlyMap<string, string>): string {
  const inner = [...origins].filter(([path]) => path.startsWith(`${key}[`)).map(([, origin]) => origin);
  return [origins.get(key) ?? 'default', ...inner].join(', ');
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}
