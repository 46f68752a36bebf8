import type { Logger as Pino } from 'pino';
import { LOG_LEVELS, type Logger, type LogLevel, type LogStats, type RootLogger, type Severity } from './log.js';
import { loggable, loggableText } from './log-fields.js';
import type { Fold } from './log-fold.js';
import { Scrubber, secretsIn } from './log-scrubber.js';
import type { LineSink } from './log-sink.js';

export interface LogWriterOptions {
  readonly level: LogLevel;
  /** Writes lines of every level to `sink`; which are written is decided here. */
  readonly pino: Pino;
  readonly sink: LineSink;
  /** Without it repeated warnings and errors are written like all others. */
  readonly fold?: Fold;
}

/** What all loggers of a process share. */
class Shared {
  readonly scrubber = new Scrubber();
  readonly sink: LineSink;
  readonly fold: Fold | null;
  lowest: number;
  unwritable = 0;

  constructor({ level, sink, fold }: LogWriterOptions) {
    this.sink = sink;
    this.fold = fold ?? null;
    this.lowest = rankOf(level);
  }
}

/** A logger that hides secrets, folds repeated warnings and errors and never throws; pino makes the lines. */
class LogWriter implements Logger {
  protected readonly shared: Shared;
  readonly #pino: Pino;
  readonly #part: string;

  constructor(shared: Shared, pino: Pino, part: string) {
    this.shared = shared;
    this.#pino = pino;
    this.#part = part;
  }

  trace(fields: object | string, message?: string): void {
    this.#log('trace', fields, message);
  }

  debug(fields: object | string, message?: string): void {
    this.#log('debug', fields, message);
  }

  info(fields: object | string, message?: string): void {
    this.#log('info', fields, message);
  }

  warn(fields: object | string, message?: string): void {
    this.#log('warn', fields, message);
  }

  error(fields: object | string, message?: string): void {
    this.#log('error', fields, message);
  }

  fatal(fields: object | string, message?: string): void {
    this.shared.fold?.flush();
    this.#log('fatal', fields, message);
  }

  child(fields: Readonly<Record<string, unknown>>): Logger {
    const bindings = loggable(fields, this.shared.scrubber);
    const part = typeof bindings['part'] === 'string' ? bindings['part'] : this.#part;
    // pino calls a method that `bindings`, without a prototype, does not have.
    return new LogWriter(this.shared, this.#pino.child({ ...bindings }), part);
  }

  #log(severity: Severity, fields: object | string, message?: string): void {
    const { shared } = this;
    if (rankOf(severity) < shared.lowest) return;
    this.#safely(() => {
      const about = typeof fields === 'string' ? {} : fields;
      const said = typeof fields === 'string' ? fields : (message ?? '');
      const prepare = () => this.#prepared(severity, about, said);
      const foldable = severity === 'warn' || severity === 'error';
      if (shared.fold === null || !foldable) return prepare()({});
      const key = `${severity} ${this.#part} ${codeOf(about)} ${said.slice(0, 200)}`;
      if (shared.fold.pass(key, () => withCount(prepare()))) prepare()({});
    });
  }

  /** Copies now what may be written later, so that nothing large is held and nothing can change meanwhile. */
  #prepared(severity: Severity, fields: object, message: string): (more: object) => void {
    const { scrubber } = this.shared;
    const copy = loggable(fields, scrubber);
    const said = loggableText(message, scrubber);
    return (more) => this.#safely(() => this.#pino[severity]({ ...copy, ...more }, said));
  }

  #safely(write: () => void): void {
    try {
      write();
    } catch {
      this.shared.unwritable += 1;
    }
  }
}

/** The logger of the process, to be made once. */
export class RootLogWriter extends LogWriter implements RootLogger {
  #level: LogLevel;

  constructor(options: LogWriterOptions) {
    super(new Shared(options), options.pino, '');
    this.#level = options.level;
  }

  get level(): LogLevel {
    return this.#level;
  }

  setLevel(level: LogLevel): void {
    this.shared.lowest = rankOf(level);
    this.#level = level;
  }

  hide(holder: unknown): void {
    this.shared.scrubber.add(secretsIn(holder));
  }

  stats(): LogStats {
    const { sink, fold, unwritable } = this.shared;
    const { dropped, failed } = sink.stats();
    return { dropped, failed: failed + unwritable, folded: fold?.folded ?? 0 };
  }

  writeRepeated(): void {
    this.shared.fold?.flush();
  }

  async close(): Promise<void> {
    this.shared.fold?.close();
    await this.shared.sink.close();
  }
}

function rankOf(level: LogLevel): number {
  const rank = LOG_LEVELS.indexOf(level);
  if (rank < 0) throw new RangeError(`log level: found ${level}, allowed ${LOG_LEVELS.join(' ')}`);
  return rank;
}

function withCount(write: (more: object) => void): (repeated: number) => void {
  return (repeated) => write({ repeated });
}

/** What tells errors with one message apart: the code of the error, or else its class. */
function codeOf(fields: object): string {
  try {
    const { err = fields, code } = fields as { err?: unknown; code?: unknown };
    const { code: own = code, name } = (err ?? {}) as { code?: unknown; name?: unknown };
    const found = own ?? name;
    return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
  } catch {
    return '';
  }
}
