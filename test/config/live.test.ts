import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/json-schema.js';
import { KEYS } from '../../src/config/keys.js';
import { LIVE_KEYS } from '../../src/config/live.js';
import { loadConfig } from '../../src/config/load.js';
import { printConfig } from '../../src/config/print.js';

/** What `config/default.yaml` says of a key, which is what editors are told. */
function descriptionOf(key: string): unknown {
  let node: unknown = configSchema();
  for (const name of key.split('.')) node = Reflect.get(Object(Reflect.get(Object(node), 'properties')), name);
  return Reflect.get(Object(node), 'description');
}

describe('LIVE_KEYS', () => {
  it('are keys of the schema, in its order', () => {
    expect([...LIVE_KEYS]).toEqual([...KEYS.keys()].filter((key) => LIVE_KEYS.has(key)));
  });

  it('are the ones that config/default.yaml marks, and the JSON Schema with it', () => {
    const marked = [...KEYS.keys()].filter((key) => String(descriptionOf(key)).endsWith('. Live.'));
    expect(marked).toEqual([...LIVE_KEYS]);
  });

  it('are listed by config print --json', () => {
    expect(JSON.parse(printConfig(loadConfig(), { json: true }))).toMatchObject({ live: [...LIVE_KEYS] });
  });
});
