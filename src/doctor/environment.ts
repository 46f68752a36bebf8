const PREFIX = 'CANDLESCAN_';
/** As people misspell the prefix: another case, another separator, a space. */
const ALIKE = /^\W*candle[_\- .]?scan/i;

/**
 * Names of variables, never their values: those that are read, and those that were probably meant to be and are passed
 * over in silence. (A variable with the right prefix and no known key behind it is refused by the configuration.)
 */
export function variableLike(env: Readonly<Record<string, string | undefined>>): {
  readonly set: readonly string[];
  readonly ignored: readonly string[];
} {
  const names = Object.keys(env).filter((name) => ALIKE.test(name));
  return {
    set: names.filter((name) => name.startsWith(PREFIX) && env[name] !== ''),
    ignored: names
      .filter((name) => !name.startsWith(PREFIX) || env[name] === '')
      .map((name) => (env[name] === '' ? `${name} (empty)` : name)),
  };
}
