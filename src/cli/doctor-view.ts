import type { Check, DoctorReport, Level, Status } from '../doctor/contract.js';
import type { Paint } from './paint.js';
import { plainTable } from './plain-table.js';

const LEVELS: readonly Level[] = ['required', 'recommended', 'optional'];
const STYLES: Readonly<Record<Status, Parameters<Paint>[0]>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  skipped: 'dim',
};

const STATUS_WIDTH = Math.max(...Object.keys(STYLES).map(({ length }) => length));

/** The report for a person: a row per check, and under each that is not well what is expected and what to do. */
export function doctorView(report: DoctorReport, paint: Paint): string {
  const width = Math.max(...report.checks.map(({ title }) => title.length));
  const sections = LEVELS.map((level) => {
    const table = plainTable(['', '', '']);
    const checks = report.checks.filter((check) => check.level === level);
    for (const check of checks) table.push(...rowsOf(check, width, paint));
    return checks.length === 0 ? '' : `${paint('bold', level)}\n${trimmed(table.toString())}\n\n`;
  });
  return `${sections.join('')}${conclusion(report, paint)}\n`;
}

function rowsOf({ status, title, found, expected, fix }: Check, width: number, paint: Paint): string[][] {
  const rows = [[paint(STYLES[status], status.padEnd(STATUS_WIDTH)), title.padEnd(width), found]];
  if (status === 'ok') return rows;
  if (expected !== null) rows.push(['', paint('dim', 'expected'), paint('dim', expected)]);
  if (fix !== null) rows.push(['', paint('dim', 'to do'), fix]);
  return rows;
}

/** Without the empty head and the blanks that fill the last column. */
function trimmed(table: string): string {
  return table.replace(/ +$/gm, '').replace(/^\n+/, '');
}

function conclusion({ ok, checks }: DoctorReport, paint: Paint): string {
  const count = (status: Status) => checks.filter((check) => check.status === status).length;
  const counts = `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail, ${count('skipped')} skipped`;
  return ok ? `${paint('green', 'fit to run')} (${counts})` : `${paint('red', 'not fit to run')} (${counts})`;
}
