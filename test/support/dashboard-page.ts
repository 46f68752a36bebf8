import type { Series } from './prometheus.js';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: string;
      readonly mappings?: readonly { readonly type: string; readonly options: Record<string, { text?: string }> }[];
      readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
    };
  };
  readonly options?: { readonly textMode?: string };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly instant?: boolean;
    readonly legendFormat: string;
  }[];
}

/** What a target of a panel shows. */
export interface Line {
  readonly name: string;
  readonly points: Series['points'];
}

const COLUMN_PX = 66;
const ROW_PX = 34;
const PALETTE = ['#73bf69', '#f2cc0c', '#5794f2', '#ff9830', '#f2495c', '#b877d9', '#8ab8ff', '#ffcb7d', '#96d98d'];
const NAMED: Readonly<Record<string, string>> = {
  green: '#37872d',
  yellow: '#b58900',
  orange: '#c4620c',
  red: '#c4162a',
  blue: '#1f60c4',
};

/** Where a panel is drawn. Times are epoch seconds, the same for all panels. */
interface Frame {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly height: number;
}

/** Pixels that the page takes. */
export function pageSize(panels: readonly Panel[]): { readonly width: number; readonly height: number } {
  const ends = panels.map(({ gridPos: { x, y, w, h } }) => [x + w, y + h] as const);
  return {
    width: Math.max(...ends.map(([right]) => right)) * COLUMN_PX + 16,
    height: Math.max(...ends.map(([, bottom]) => bottom)) * ROW_PX + 16,
  };
}

/** The name of a series by a legend such as `{{status}} p95`. */
export function legendOf(format: string, { labels }: Series): string {
  return format.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}

/** The dashboard as a page of its own: what Grafana would draw of the same answers, in the same places. */
export function dashboardPage(
  title: string,
  panels: readonly Panel[],
  linesOf: (panel: Panel) => readonly Line[],
): string {
  const { height } = pageSize(panels);
  const times = panels.flatMap(linesOf).flatMap(({ points }) => points.map(([at]) => at));
  const span = { from: Math.min(...times), to: Math.max(...times) };
  const drawn = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const place = `left:${x * COLUMN_PX}px;top:${y * ROW_PX}px;width:${w * COLUMN_PX - 6}px;height:${h * ROW_PX - 6}px`;
    const body =
      panel.type === 'row'
        ? ''
        : bodyOf(panel, linesOf(panel), { ...span, width: w * COLUMN_PX - 6, height: h * ROW_PX - 6 });
    return `<section class="${panel.type}" data-panel="${panel.id}" style="${place}"><h2>${text(panel.title)}</h2>${body}</section>`;
  });
  return `<!doctype html><meta charset="utf-8"><title>${text(title)}</title><style>
body{margin:8px;background:#111217;color:#ccccdc;font:12px "DejaVu Sans",sans-serif;position:relative;height:${height}px}
section{position:absolute;background:#181b1f;border:1px solid #2c3235;box-sizing:border-box;overflow:hidden}
section.row{background:none;border:0}h2{font-size:12px;margin:4px 8px;white-space:nowrap}.row h2{font-size:15px;margin:8px 0}
.value{font-size:24px;text-align:center;padding:14px 0;margin:0 8px;border-radius:3px;color:#fff}.none{text-align:center;opacity:.5;margin-top:12px}
figcaption{font-size:10px;margin:0 8px;max-height:26px;overflow:hidden}figure{margin:0}svg text{fill:#8e8e9c;font-size:10px}
</style><body>${drawn.join('\n')}</body>`;
}

function bodyOf(panel: Panel, lines: readonly Line[], frame: Frame): string {
  const finite = lines
    .map(({ name, points }) => ({ name, points: points.filter(([, value]) => Number.isFinite(value)) }))
    .filter(({ points }) => points.length > 0);
  if (finite.length === 0) return '<p class="none">No data</p>';
  return panel.type === 'stat' ? statOf(panel, finite) : chartOf(panel, finite, frame);
}

function statOf({ fieldConfig, options }: Panel, lines: readonly Line[]): string {
  const { unit, thresholds, mappings = [] } = fieldConfig.defaults;
  return lines
    .map(({ name, points }) => {
      const value = points.at(-1)?.[1] ?? 0;
      const step = thresholds?.steps.findLast((each) => each.value === null || value >= each.value);
      const mapped = mappings.find(({ type }) => type === 'value')?.options[String(value)]?.text;
      const shown = options?.textMode === 'name' ? name : (mapped ?? show(value, unit));
      return `<div class="value" style="background:${NAMED[step?.color ?? ''] ?? '#37872d'}">${text(shown)}</div>`;
    })
    .join('');
}

function chartOf({ fieldConfig }: Panel, lines: readonly Line[], { from, to, width, height }: Frame): string {
  const { unit } = fieldConfig.defaults;
  const all = lines.flatMap(({ points }) => points);
  const most = Math.max(...all.map(([, value]) => value), 0);
  const least = Math.min(...all.map(([, value]) => value), 0);
  const [left, top, chartWidth, chartHeight] = [76, 4, width - 86, height - 66];
  const x = (at: number) => left + ((at - from) / (to - from || 1)) * chartWidth;
  const y = (value: number) => top + (1 - (value - least) / (most - least || 1)) * chartHeight;
  const drawn = lines.flatMap(({ points }, index) =>
    pieces(points).map((piece) => {
      const path = piece.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
      // A single point has no length: the round cap makes it a dot.
      return `<polyline fill="none" stroke-width="1.5" stroke-linecap="round" stroke="${colour(index)}" points="${[...path, path.at(-1)].join(' ')}"/>`;
    }),
  );
  const ticks = [least, (least + most) / 2, most].map(
    (value) =>
      `<text x="${left - 4}" y="${y(value) + 4}" text-anchor="end">${text(show(value, unit))}</text>` +
      `<path d="M${left} ${y(value)}h${chartWidth}" stroke="#2c3235"/>`,
  );
  const legend = lines
    .map(({ name }, index) => `<span style="color:${colour(index)}">━ ${text(name)}</span>`)
    .join('  ');
  return `<figure><svg width="${width}" height="${height - 56}">${ticks.join('')}${drawn.join('')}</svg><figcaption>${legend}</figcaption></figure>`;
}

/** Points without a gap between them; values are a second apart. */
function pieces(points: Line['points']): Line['points'][] {
  const found: (readonly [number, number])[][] = [];
  for (const point of points) {
    const piece = found.at(-1);
    if (piece !== undefined && point[0] - (piece.at(-1)?.[0] ?? 0) < 1.5) piece.push(point);
    else found.push([point]);
  }
  return found;
}

function colour(index: number): string {
  return PALETTE[index % PALETTE.length] ?? '#fff';
}

/** A value in its unit (the names are Grafana's), to three digits. */
function show(value: number, unit: string): string {
  const short = (each: number) => String(Number(each.toPrecision(3)));
  if (unit === 'bytes') return value >= 2 ** 20 ? `${short(value / 2 ** 20)} MiB` : `${short(value / 1024)} KiB`;
  if (unit === 'percentunit') return `${short(value * 100)} %`;
  if (unit === 's') return Math.abs(value) < 1 ? `${short(value * 1_000)} ms` : `${short(value)} s`;
  return unit === 'none' || unit === 'short' ? short(value) : `${short(value)} ${unit.replace('suffix:', '').trim()}`;
}

function text(raw: string): string {
  return raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
