import { fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../main-file.js';

export interface ProcessRun {
  readonly stdout: string;
  readonly exitCode: number | null;
  /** From spawn to exit. */
  readonly wallMs: number;
}

/** Runs a command of this program in a fresh process, as a user would. */
export function runCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ProcessRun> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ stdout: Buffer.concat(chunks).toString(), exitCode, wallMs: performance.now() - start });
    });
  });
}

/** Runs a module of this folder in a fresh process; it is sent `task` and answers with one message. */
export function runModule<Result>(file: string, task: object): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let answer: { readonly result: Result } | null = null;
    child.on('message', (message) => {
      answer = { result: message as Result };
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      if (answer === null) reject(new Error(`${file} ended with exit code ${exitCode} and no answer`));
      else resolve(answer.result);
    });
    child.send(task);
  });
}
