import { describe, expect, it } from 'vitest';
import { KeyedTasks } from '../../src/lib/keyed-tasks.js';

/** Tasks that say when they begin and end when they are told to. */
function taskmaster() {
  const log: string[] = [];
  const open = new Map<string, () => void>();
  const task = (name: string) => () =>
    new Promise<string>((resolve) => {
      log.push(name);
      open.set(name, () => resolve(name));
    });
  const end = async (name: string) => {
    open.get(name)?.();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const turns = () => end('');
  return { log, task, end, turns };
}

describe('KeyedTasks', () => {
  it('runs tasks of one key in their order and those of others beside them', async () => {
    const { log, task, end, turns } = taskmaster();
    const tasks = new KeyedTasks(4);
    const all = [tasks.run('a', task('a1')), tasks.run('a', task('a2')), tasks.run('b', task('b1'))];
    await turns();
    expect(log).toEqual(['a1', 'b1']);
    await end('a1');
    expect(log).toEqual(['a1', 'b1', 'a2']);
    await end('a2');
    await end('b1');
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1']);
  });

  it('runs a task alone: after all that came before, before all that comes later', async () => {
    const { log, task, end, turns } = taskmaster();
    const tasks = new KeyedTasks(4);
    void tasks.run('a', task('before'));
    const alone = tasks.runAlone(task('alone'));
    void tasks.run('b', task('after'));
    await turns();
    expect(log).toEqual(['before']);
    await end('before');
    expect(log).toEqual(['before', 'alone']);
    await end('alone');
    expect(await alone).toBe('alone');
    await turns();
    expect(log).toEqual(['before', 'alone', 'after']);
  });

  it('runs no more at once than it may', async () => {
    const { log, task, end, turns } = taskmaster();
    const tasks = new KeyedTasks(2);
    for (const key of ['a', 'b', 'c']) void tasks.run(key, task(key));
    await turns();
    expect(log).toEqual(['a', 'b']);
    await end('b');
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('goes on behind a task that fails, and tells only whoever gave it', async () => {
    const tasks = new KeyedTasks(1);
    const failed = tasks.run('a', () => Promise.reject(new Error('ill')));
    const next = tasks.run('a', () => Promise.resolve('well'));
    await expect(failed).rejects.toThrow('ill');
    expect(await next).toBe('well');
    await expect(tasks.runAlone(() => Promise.reject(new Error('ill')))).rejects.toThrow('ill');
    expect(await tasks.run('b', () => Promise.resolve('well'))).toBe('well');
  });
});
