/** What a file system error means for whoever chose the path, and what they can do about it. */
export interface PathProblem {
  readonly what: string;
  readonly fix: string;
}

const ELSEWHERE = 'choose another path';
const NO_DIRECTORY: PathProblem = {
  what: 'a part of the path is a file, not a directory',
  fix: `${ELSEWHERE}, or move that file away`,
};
const NOT_ALLOWED: PathProblem = {
  what: 'this user may not write there',
  fix: `change owner or mode of the directory, or ${ELSEWHERE}`,
};

const PROBLEMS: Readonly<Record<string, PathProblem>> = {
  // `mkdir -p` onto a file says EEXIST, below a file ENOTDIR.
  EEXIST: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: {
    what: 'the file system is read-only',
    fix: `mount it writable (in a container: without :ro), or ${ELSEWHERE}`,
  },
  ENOENT: { what: 'it cannot be created there', fix: ELSEWHERE },
  ENOSPC: { what: 'the disk is full, or has no inodes left', fix: `free some space, or ${ELSEWHERE}` },
  EDQUOT: { what: 'the disk quota is used up', fix: `free some space, or ${ELSEWHERE}` },
  ENAMETOOLONG: { what: 'the path is too long', fix: 'choose a shorter path' },
  ELOOP: { what: 'its symbolic links lead in a circle', fix: `repair the links, or ${ELSEWHERE}` },
};

/** `error` is what a call of `node:fs` threw; an unknown one is told by its code or message. */
export function pathProblem(error: unknown): PathProblem {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : PROBLEMS[code];
  return known === undefined
    ? { what: code ?? message ?? String(error), fix: ELSEWHERE }
    : { what: `${known.what} (${code})`, fix: known.fix };
}
