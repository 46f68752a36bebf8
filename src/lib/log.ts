export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** What is logged from which level on; `silent` is nothing at all. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The level of a line. */
export type Severity = Exclude<LogLevel, 'silent'>;

/** What varies goes into `fields` (an error as `err`), so that the message is constant and can be counted. Never throws. */
export interface LogMethod {
  (fields: object, message: string): void;
  (message: string): void;
}

/** What a part takes as an argument. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A logger whose lines all carry these fields; `part` names what is logging, and repeated errors are folded by it. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export interface LogStats {
  /** Lines that were not written because what came before them was not read. */
  readonly dropped: number;
  /** Writes that the stream reported as failed: closed pipe, full disk. */
  readonly failed: number;
  /** Warnings and errors that were counted in another's `repeated` instead of being written. */
  readonly folded: number;
}

/** The logger of the process; its level and its secrets are also its children's. */
export interface RootLogger extends Logger {
  readonly level: LogLevel;
  /** Takes effect at once, everywhere. Throws RangeError for anything but a level. */
  setLevel(level: LogLevel): void;
  /** From now on no line shows a `Secret` that is found anywhere in `holder`, in whatever form; hidden ones stay so. */
  hide(holder: unknown): void;
  stats(): LogStats;
  /** Writes now how often lines were repeated, so that what is logged next comes after it. */
  writeRepeated(): void;
  /** Writes what is held back and waits, not for long, until the stream has taken it. What is logged later is written at once. */
  close(): Promise<void>;
}
