import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const NAME = /^signals-(\d{4}-\d{2}-\d{2})(?:\.([1-9]\d{0,8}))?\.jsonl$/;
const DAY_MS = 86_400_000;

/** One of a day's files, in the order of `part`. */
export interface LogFile {
  /** UTC, `YYYY-MM-DD`. */
  readonly day: string;
  /** 0 for the first one. */
  readonly part: number;
}

export function fileName({ day, part }: LogFile): string {
  return `signals-${day}${part === 0 ? '' : `.${part}`}.jsonl`;
}

export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The instant (epoch ms) at which the last day of a file was over. */
export function endOfDay(day: string): number {
  return Date.parse(day) + DAY_MS;
}

/** The signal files of a directory with their sizes in bytes, oldest first; none when there is no directory. */
export async function listLogFiles(dir: string): Promise<(LogFile & { readonly bytes: number })[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const files = names.map(parseName).filter((file) => file !== null);
  files.sort((a, b) => (a.day < b.day ? -1 : Number(a.day > b.day)) || a.part - b.part);
  return Promise.all(files.map(async (file) => ({ ...file, bytes: (await stat(join(dir, fileName(file)))).size })));
}

/** Makes the directory and those above it, readable by the owner only, each on disk when it resolves. */
export async function makeDurableDir(dir: string): Promise<void> {
  const path = resolve(dir);
  const topmost = await mkdir(path, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  let made = path;
  await syncDir(dirname(made));
  while (made !== topmost && made !== dirname(made)) {
    made = dirname(made);
    await syncDir(dirname(made));
  }
}

/** A new file is there after a power cut only when its directory was written too. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The errno code of a file system error, or the error's name. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

function parseName(name: string): LogFile | null {
  const [, day, part = '0'] = NAME.exec(name) ?? [];
  return day === undefined || Number.isNaN(Date.parse(day)) ? null : { day, part: Number(part) };
}
