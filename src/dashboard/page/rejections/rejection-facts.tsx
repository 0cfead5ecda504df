import type { RejectionDetail } from '../../api/contract.js';
import { RejectionBadge } from '../parts/badge.js';
import { CopyButton } from '../parts/copy.js';
import { Facts } from '../parts/facts.js';
import { number } from '../parts/numbers.js';
import { Moment } from '../time/time.js';
import { words } from '../words/index.js';
import { readableDetail } from './readable-detail.js';

const text = words.rejection;

export function RejectionFacts({ detail: { row, constraints } }: { detail: RejectionDetail }) {
  return (
    <Facts
      facts={[
        [text.state, <RejectionBadge key="state" state={row.state} />],
        [text.reason, words.rejectionReasons[row.reason]],
        [text.session, row.sessionId && <code>{row.sessionId}</code>],
        [text.tenant, row.tenant || null],
        [text.repeats, number(row.repeats)],
        [text.first, <Moment key="first" at={row.firstReceivedAt} />],
        [text.last, <Moment key="last" at={row.lastReceivedAt} />],
        [text.detail, constraints.length > 0 || row.reason === 'conflict' ? null : readableDetail(row.detail)],
        [text.id, <code key="id">{row.id}</code>],
      ]}
    />
  );
}

export function RejectionCopies({ detail: { row, links } }: { detail: RejectionDetail }) {
  return (
    <p class="buttons copies">
      <CopyButton label={words.copy.id} text={row.id} />
      {links.map(({ label, href }) => (
        <a key={href} class="button" href={href} rel="noreferrer">
          {label}
        </a>
      ))}
    </p>
  );
}
