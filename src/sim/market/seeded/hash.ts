/**
 * A 32-bit integer from a seed and a place, so that any place is computable alone: two multiply-xorshift rounds with the
 * constants of "lowbias32" (Chris Wellons' hash prospector, public domain).
 */
export function hash(seed: number, place: number): number {
  let mixed = place ^ seed;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}

/** Uniform in [0, 1). */
export function unit(seed: number, place: number): number {
  return (hash(seed, place) >>> 0) / 2 ** 32;
}

/** A seed of its own for a name (FNV-1a over UTF-16 units). */
export function seedOf(seed: number, name: string): number {
  let mixed = seed ^ 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    mixed = Math.imul(mixed ^ name.charCodeAt(index), 0x01000193);
  }
  return hash(mixed, seed);
}
