import { UsageError } from '../domain/errors.js';
import { KEYS, keysOf, SECTIONS, unknownKey } from './keys.js';
import type { Problems } from './problems.js';
import { type Assignment, optionOrigin } from './sources.js';
import { assignText } from './text-value.js';

/** The assignments of `--set path.to.key=value`; throws `UsageError` for one without `=`. */
export function readSet(set: readonly string[], problems: Problems): Assignment[] {
  const assignments: Assignment[] = [];
  for (const option of set) {
    const at = option.indexOf('=');
    // The text is not repeated: it could be a secret that lost its key.
    if (at < 1) throw new UsageError('--set: found no key and =, allowed path.to.key=value');
    readOption('--set', option.slice(0, at), option.slice(at + 1), assignments, problems);
  }
  return assignments;
}

/** The assignments of the options that are short for a key: `--data-dir`, `--log-level`. */
export function readShorthands(
  values: { readonly dataDir?: string | undefined; readonly logLevel?: string | undefined },
  problems: Problems,
): Assignment[] {
  const assignments: Assignment[] = [];
  if (values.dataDir !== undefined) readOption('--data-dir', 'dataDir', values.dataDir, assignments, problems);
  if (values.logLevel !== undefined) readOption('--log-level', 'log.level', values.logLevel, assignments, problems);
  return assignments;
}

function readOption(option: string, key: string, text: string, assignments: Assignment[], problems: Problems): void {
  if (KEYS.has(key)) assignText({ key, text, origin: optionOrigin(option) }, assignments, problems);
  else if (SECTIONS.has(key)) {
    problems.add(option, key, `found a section, allowed one of its keys: ${keysOf(key).join(', ')}`);
  } else problems.add(option, key, unknownKey(key));
}
