/** Loads a module by its URL. In a file of its own, which the build keeps apart: see `compiled-code.ts`. */
export function importModule(url: string): Promise<Record<string, unknown>> {
  return import(url) as Promise<Record<string, unknown>>;
}
