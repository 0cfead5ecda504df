/**
 * What an operator did. `replay` and `discard` are of a delivery, `accept-rejection` and `discard-rejection` of a
 * rejection, `bulk-start`, `bulk-pause`, `bulk-resume` and `bulk-cancel` of a bulk operation. `reveal` and
 * `reveal-refused` are of contents that were to be shown: of a delivery or a rejection.
 *
 * @publicApi
 */
export type ActionName =
  | 'replay'
  | 'discard'
  | 'accept-rejection'
  | 'discard-rejection'
  | 'bulk-start'
  | 'bulk-pause'
  | 'bulk-resume'
  | 'bulk-cancel'
  | 'reveal'
  | 'reveal-refused';

/** Every act that is recorded. */
export const ACTION_NAMES = {
  replay: true,
  discard: true,
  'accept-rejection': true,
  'discard-rejection': true,
  'bulk-start': true,
  'bulk-pause': true,
  'bulk-resume': true,
  'bulk-cancel': true,
  reveal: true,
  'reveal-refused': true,
} satisfies Record<ActionName, true>;

/**
 * Way in which an operator acted: by code of the host, by the command line, or by the page.
 *
 * @publicApi
 */
export type ActionSource = 'code' | 'cli' | 'page';
