import Table from 'cli-table3';

const EDGES = ['top', 'bottom', 'left', 'right', 'mid'] as const;
const NO_LINES = Object.fromEntries([
  ...EDGES.flatMap((edge) => [edge, `${edge}-mid`, `${edge}-left`, `${edge}-right`].map((part) => [part, ''])),
  ['mid-mid', ''],
  ['middle', ' '],
]);

/** A table of columns without any lines, as terminals like it. */
export function plainTable(head: string[], rightAligned: readonly number[] = []): Table.Table {
  return new Table({
    head,
    style: { head: [], border: [], compact: true },
    chars: NO_LINES,
    colAligns: head.map((_, index) => (rightAligned.includes(index) ? 'right' : 'left')),
  });
}
