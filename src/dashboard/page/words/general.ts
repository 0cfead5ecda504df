/** Returns a number with its noun. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

const states: Readonly<Record<string, string>> = {
  pending: 'pending',
  processing: 'processing',
  completed: 'completed',
  dead: 'dead',
  unhandled: 'unhandled',
  discarded: 'discarded',
  erased: 'erased',
  open: 'open',
  accepted: 'accepted',
  failed: 'failed',
  interrupted: 'interrupted',
  live: 'live',
  stopped: 'stopped',
  lost: 'lost',
  running: 'running',
  paused: 'paused',
  cancelled: 'cancelled',
};

const reasons: Readonly<Record<string, string>> = {
  handler: 'A handler failed too often.',
  'crash-loop': 'Workers crashed while they processed it.',
  unreadable: 'Its contents cannot be opened.',
  shredded: 'Its key was destroyed.',
};

const rejectionReasons: Readonly<Record<string, string>> = {
  invalid: 'Invalid body',
  'unknown-status': 'Unknown status',
  'unexpected-data': 'Unexpected data',
  conflict: 'Conflict',
  stale: 'Stale content',
  superseded: 'Superseded content',
};

const acts: Readonly<Record<string, string>> = {
  replay: 'replayed',
  discard: 'discarded',
  'accept-rejection': 'accepted a rejection',
  'discard-rejection': 'discarded a rejection',
  reveal: 'revealed contents',
  'reveal-refused': 'was refused to reveal contents',
  'bulk-start': 'started a bulk operation',
  'bulk-pause': 'paused a bulk operation',
  'bulk-resume': 'resumed a bulk operation',
  'bulk-cancel': 'cancelled a bulk operation',
};

const sources: Readonly<Record<string, string>> = { page: 'this page', cli: 'command line', code: 'code' };

export const general = {
  none: '–',
  any: 'any',
  loading: 'Loading…',
  menu: 'Pages',
  skip: 'Skip to the content',
  signedInAs: 'Signed in as',
  states,
  reasons,
  rejectionReasons,
  acts,
  sources,
  pages: {
    overview: 'Overview',
    deliveries: 'Deliveries',
    dead: 'Dead letters',
    rejections: 'Rejections',
    handlers: 'Handlers',
    secrets: 'Secrets',
    instances: 'Instances',
    actions: 'Actions',
  },
  titlesOfOne: { deliveries: 'Delivery', rejections: 'Rejection', handlers: 'Handler' },
  noPage: { title: 'No such page', text: 'There is no page at this address. The menu has all pages.' },
  /** An id in a narrow place: its begin and its end. */
  shortSession: (id: string) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id),
  /** The end of an id, which is the part that differs. */
  shortId: (id: string) => (id.length > 12 ? `…${id.slice(-8)}` : id),
  time: {
    now: 'now',
    ago: (length: string) => `${length} ago`,
    ahead: (length: string) => `in ${length}`,
  },
  actions: {
    cancel: 'Cancel',
    close: 'Close',
    dismiss: 'Dismiss',
    tryAgain: 'Try again',
    running: 'Working…',
    reason: 'Reason (it is recorded)',
    reasonOptional: 'Reason (optional, it is recorded)',
  },
  errors: {
    unreachable: 'The server cannot be reached.',
    status: (status: number) =>
      status === 401
        ? 'The server does not know who you are. Sign in to the application again.'
        : status === 403
          ? 'You are not allowed to see this. Ask for the permission where access to this page is configured.'
          : `The server answered ${status}.`,
    notUpToDate: (time: string) => `Not up to date since ${time}:`,
    notRead: 'This could not be read:',
  },
  viewing: {
    pace: 'Refresh',
    off: 'off',
    seconds: (seconds: number) => `every ${seconds} s`,
    zone: 'Time zone',
    theme: 'Theme',
    themes: { system: 'system', light: 'light', dark: 'dark' },
    help: 'Keys',
  },
  help: {
    title: 'Keys',
    keys: [
      ['?', 'Show this help'],
      ['/', 'Find'],
      ['j k', 'Next row, row before'],
      ['x', 'Select the row'],
      ['Enter', 'Open the row'],
      ['u', 'Back to the list'],
      ['n', 'Show newer rows'],
      ['R', 'Replay (asks first)'],
      ['D', 'Discard (asks first)'],
      ['V', 'Reveal contents (asks first)'],
      ['.', 'Refresh now'],
      ['t', 'Next theme'],
      ['Esc', 'Close a dialog'],
    ] as readonly (readonly [string, string])[],
    areKeysOn: 'Use these keys',
  },
  find: {
    label: 'Find by id, session or reference',
    placeholder: 'Id, session or reference',
    button: 'Find',
    found: 'Found',
    nothing: 'Nothing found',
    nothingText: 'No delivery or rejection has exactly this id, session or reference. Parts of them are not searched.',
    deliveries: 'Deliveries',
    rejections: 'Rejections',
  },
  signIn: {
    title: 'Sign in',
    failed: 'The inbox cannot be shown',
    elsewhere: 'Your session in the application has ended. Sign in there, then try again.',
    token: 'This application signs in with a token. It is held in memory until you leave this page.',
    tokenLabel: 'Access token',
    keep: 'Keep it until this tab is closed',
    button: 'Sign in',
  },
  copy: {
    id: 'Copy id',
    session: 'Copy session',
    link: 'Copy link',
    payload: 'Copy masked payload',
    test: 'Copy as a test',
    command: 'Copy command',
    url: 'Copy URL',
    done: (label: string) => `${label}: done.`,
    refused: 'The browser gives no access to the clipboard. Pages over HTTPS and on localhost have it.',
  },
};
