const FARTHEST = 0.4;
/** A wrong or missing section counts less than a wrong name. */
const SECTION_SHARE = 0.35;

/** The candidate that was probably meant, or null when none is near: by edit distance of name and section, whatever the case. */
export function nearest(path: string, candidates: Iterable<string>): string | null {
  const [section, name] = split(path);
  let best: string | null = null;
  let bestDistance = FARTHEST;
  for (const candidate of candidates) {
    const [otherSection, otherName] = split(candidate);
    const distance = relative(name, otherName) + SECTION_SHARE * relative(section, otherSection);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function split(path: string): [section: string, name: string] {
  const at = path.lastIndexOf('.');
  return [path.slice(0, Math.max(0, at)), path.slice(at + 1)];
}

/** Edit distance over the longer length: 0 is the same, 1 has nothing in common. */
function relative(a: string, b: string): number {
  return editDistance(a.toLowerCase(), b.toLowerCase()) / Math.max(a.length, b.length, 1);
}

/** Levenshtein, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
