import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** The version of this program. */
export function version(): string {
  const manifest = load('../../package.json') as { version: string };
  return manifest.version;
}

/** Names the built code of this program and the Node that runs it; null where it runs from its sources. */
export function codeIdentity(): string | null {
  try {
    const { code } = load('../package.json') as { code: string };
    return `${code} ${process.version} ${process.arch}`;
  } catch {
    return null;
  }
}
