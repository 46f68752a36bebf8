import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** The version of this program. */
export function version(): string {
  const manifest = load('../../package.json') as { version: string };
  return manifest.version;
}

/** Names the built code of this program and the Node that runs it; null where it was not built as a whole. */
export function codeIdentity(): string | null {
  try {
    const { code } = load('../package.json') as { code?: string };
    return code === undefined ? null : `${code} ${process.version} ${process.arch}`;
  } catch {
    return null;
  }
}
