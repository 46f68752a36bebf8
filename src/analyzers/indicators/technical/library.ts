import { createRequire } from 'node:module';
import type * as technicalindicators from 'technicalindicators';

export type TechnicalLibrary = typeof technicalindicators;

const require = createRequire(import.meta.url);
let library: TechnicalLibrary | undefined;

/**
 * The npm package technicalindicators, loaded when it is first needed: it takes 50 ms that a start without it saves,
 * and synchronously, because an indicator is asked for in the middle of an analysis.
 */
export function technicalLibrary(): TechnicalLibrary {
  library ??= require('technicalindicators') as TechnicalLibrary;
  return library;
}
