import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colour only on a terminal, and only where it is allowed (`--no-color`, `NO_COLOR`). */
export function paintFor(stream: { readonly isTTY?: boolean }, allowed: boolean): Paint {
  const colour = allowed && stream.isTTY === true;
  return (style, text) => (colour ? styleText(style, text) : text);
}
