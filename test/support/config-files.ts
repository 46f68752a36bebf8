import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type ConfigSources, loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/domain/errors.js';

/** Writes configuration files into a folder that lives as long as the calling test file. */
export function configFiles(): (name: string, text: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'candlescan-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
}

/** The lines of the error that loading these sources throws. */
export function problemsOf(sources: ConfigSources): string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}
