import { build } from 'rolldown';

/**
 * Makes one program of TypeScript sources, which Node cannot run: `dir`, inside the project, then holds it under the
 * name of `entry`. Packages are left where they are.
 */
export async function bundle(entry: string, dir: string): Promise<void> {
  await build({
    platform: 'node',
    logLevel: 'warn',
    input: entry,
    external: /^[@a-z]/,
    output: { dir, format: 'esm', cleanDir: true },
  });
}
