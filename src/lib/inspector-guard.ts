import type { Cancel, Clock } from './clock.js';

/** What the guard needs of Node's process. */
export interface GuardedProcess {
  on(signal: 'SIGUSR1', listener: () => void): unknown;
  readonly execArgv: readonly string[];
}

/** What the guard needs of `node:inspector`. */
export interface Inspector {
  url(): string | undefined;
  close(): void;
}

/**
 * Somebody meant to attach a debugger, which can read all memory and run any code.
 * - `flag`: Node was started with `flags`, which processes started from here may inherit; `wasOpen` tells whether the
 *   inspector listened (its port may have been taken)
 * - `open`: it listened all the same: SIGUSR1 came before the guard, or a module opened it
 * - `signal`: SIGUSR1 came and was not obeyed
 */
export type InspectorAttempt =
  | { readonly how: 'flag'; readonly flags: readonly string[]; readonly wasOpen: boolean }
  | { readonly how: 'open' }
  | { readonly how: 'signal' };

export interface InspectorGuardOptions {
  readonly process?: GuardedProcess;
  /** Null where Node was built without it. */
  readonly inspector?: Inspector | null;
  readonly clock: Clock;
  /** The value of `NODE_OPTIONS`. */
  readonly nodeOptions: string | undefined;
  readonly onAttempt: (attempt: InspectorAttempt) => void;
}

const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 1_000;

/**
 * Keeps the inspector closed: closes it when it is open, takes SIGUSR1, which opens it unless somebody listens, and goes
 * on looking, because Node answers one signal in several ways, the last of which may open it again after it was closed.
 * Until this is called the signal opens the inspector, so call it first.
 *
 * Returns what ends the looking. The signal stays taken: without a listener it would from then on end the process.
 */
export function guardInspector(options: InspectorGuardOptions): () => void {
  const { process: guarded = process, inspector = builtIn(), clock, nodeOptions, onAttempt } = options;
  guarded.on('SIGUSR1', () => onAttempt({ how: 'signal' }));
  const flags = inspectorFlags(guarded.execArgv, nodeOptions);
  const wasOpen = closeIfOpen(inspector);
  if (flags.length > 0) onAttempt({ how: 'flag', flags, wasOpen });
  else if (wasOpen) onAttempt({ how: 'open' });
  if (inspector === null) return () => {};

  let cancel: Cancel;
  const lookAfter = (delayMs: number) => {
    cancel = clock.setTimer(delayMs, () => {
      lookAfter(Math.min(LONGEST_LOOK_MS, delayMs * 2));
      if (closeIfOpen(inspector)) onAttempt({ how: 'open' });
    });
  };
  lookAfter(FIRST_LOOK_MS);
  return () => cancel();
}

/**
 * The arguments of Node that open the inspector, on its command line and in `NODE_OPTIONS`, which is split at spaces
 * outside of double quotes (https://nodejs.org/api/cli.html#node_optionsoptions). `--inspect-port` alone opens nothing.
 */
export function inspectorFlags(execArgv: readonly string[], nodeOptions = ''): string[] {
  const quoted = nodeOptions.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  const inEnvironment = quoted.map((option) => option.replaceAll('"', ''));
  return [...execArgv, ...inEnvironment].filter((option) =>
    /^--inspect([-_](brk|wait|brk[-_]node))?(=|$)/.test(option),
  );
}

function builtIn(): Inspector | null {
  return process.features.inspector ? process.getBuiltinModule('node:inspector') : null;
}

function closeIfOpen(inspector: Inspector | null): boolean {
  if (inspector?.url() === undefined) return false;
  inspector.close();
  return true;
}
