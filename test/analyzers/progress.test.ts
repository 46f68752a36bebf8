import { describe, expect, it } from 'vitest';
import { createProgressBuffer, currentStep, ProgressReader, progressWriter } from '../../src/analyzers/progress.js';

function pair() {
  const buffer = createProgressBuffer();
  return { buffer, writer: progressWriter(buffer), reader: new ProgressReader(buffer) };
}

describe('progress', () => {
  it('is nothing before the first step and between steps', () => {
    const { buffer, writer, reader } = pair();
    expect(reader.read(5_000)).toBeNull();
    writer.begin(3);
    writer.end(3, 10);
    expect(reader.read(5_000)).toBeNull();
    expect(currentStep(buffer)).toBeNull();
  });

  it('counts the current run of a step from when it was first seen', () => {
    const { buffer, writer, reader } = pair();
    writer.begin(2);
    expect(reader.read(1_000)).toEqual({ step: 2, elapsedMs: 0 });
    expect(reader.read(1_250)).toEqual({ step: 2, elapsedMs: 250 });
    expect(currentStep(buffer)).toBe(2);
  });

  it('adds what earlier runs of the same step took, and not those of others', () => {
    const { writer, reader } = pair();
    writer.begin(0);
    writer.end(0, 400);
    writer.begin(1);
    writer.end(1, 30);
    writer.begin(0);
    expect(reader.read(7_000)).toEqual({ step: 0, elapsedMs: 400 });
    expect(reader.read(7_100)).toEqual({ step: 0, elapsedMs: 500 });
  });

  it('begins anew with another run of the same step', () => {
    const { writer, reader } = pair();
    writer.begin(0);
    reader.read(0);
    writer.end(0, 5);
    writer.begin(0);
    expect(reader.read(9_000)).toEqual({ step: 0, elapsedMs: 5 });
  });

  it('forgets on reset', () => {
    const { writer, reader } = pair();
    writer.begin(0);
    writer.end(0, 400);
    writer.reset();
    writer.begin(0);
    expect(reader.read(0)).toEqual({ step: 0, elapsedMs: 0 });
  });
});
