import type { Run } from './run.js';

/** What makes figures worthless: nothing acknowledged, an error, or something lost. */
export function complaintsOf({ acknowledged, errors, stored, handled, unfinished }: Run): string[] {
  return [
    ...(acknowledged === 0 ? ['nothing was acknowledged'] : []),
    ...Object.entries(errors).map(([error, count]) => `${count} × ${error}`),
    ...(stored !== null && stored < acknowledged ? [`${acknowledged - stored} were not stored`] : []),
    ...(handled !== null && handled < acknowledged ? [`${acknowledged - handled} were not handled`] : []),
    ...(unfinished > 0 ? [`${unfinished} were not recorded as handled`] : []),
  ];
}
