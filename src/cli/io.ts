/** What a command may touch of the process around it. */
export interface Io {
  /** Results, and nothing else. */
  readonly stdout: NodeJS.WriteStream;
  /** Logs, progress, errors. */
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the process at once, whatever is still under way. */
  readonly terminate: (exitCode: number) => never;
}

/** Exit codes (sysexits where one fits). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  exchangeUnreachable: 69,
  dataDirInUse: 75,
  configWrong: 78,
} as const;
