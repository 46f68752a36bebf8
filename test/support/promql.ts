/** A metric as an expression asks for it. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

const SELECTOR = /([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;
const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset']);

/** The metrics that an expression of PromQL reads. Enough of the language for our own rules; promtool checks the rest. */
export function selectorsOf(expr: string): Selector[] {
  // No string of ours holds a brace or a bracket.
  const text = expr.replace(GROUPING, ' ').replace(/\[[^\]]*\]/g, ' ');
  return [...text.matchAll(SELECTOR)].flatMap(({ 0: whole, 1: metric = '', 2: inBraces = '', index }) => {
    const isCall = text
      .slice(index + whole.length)
      .trimStart()
      .startsWith('(');
    const isNumber = /[\d.]$/.test(text.slice(0, index));
    if (isCall || isNumber || KEYWORDS.has(metric)) return [];
    const matchers = [...inBraces.matchAll(MATCHER)].map(([, label = '', op, value = '']) => {
      return { label, op: op as Matcher['op'], value };
    });
    return [{ metric, matchers }];
  });
}
