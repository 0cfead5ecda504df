import type { DeliveryDetail } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { DeliveryBadge, Status } from '../parts/badge.js';
import { CopyButton } from '../parts/copy.js';
import { Facts } from '../parts/facts.js';
import { maskedJson } from '../parts/masked-value.js';
import { Ago, Moment } from '../time/time.js';
import { words } from '../words/index.js';
import { asATest } from './as-a-test.js';

const text = words.delivery;

function When({ at }: { at: number | null }) {
  if (at === null) return null;
  return (
    <>
      <Moment at={at} />{' '}
      <span class="muted">
        (<Ago at={at} />)
      </span>
    </>
  );
}

function Reference({ reference }: { reference: string }) {
  return <code>{reference}</code>;
}

/** The facts of a delivery; those that it does not have are left out. */
export function DeliveryFacts({ detail: { row } }: { detail: DeliveryDetail }) {
  return (
    <Facts
      facts={[
        [text.state, <DeliveryBadge key="state" state={row.state} reason={row.reason} />],
        [text.status, <Status key="status" status={row.status} />],
        [text.session, row.sessionId && <code>{row.sessionId}</code>],
        [text.reference, row.reference && <Reference reference={row.reference} />],
        [text.tenant, row.tenant || null],
        [text.platform, row.platformId],
        [text.received, <When key="received" at={row.receivedAt} />],
        [text.finished, row.finishedAt && <When at={row.finishedAt} />],
        [text.next, row.nextAttemptAt && <When at={row.nextAttemptAt} />],
        [text.dispatches, row.dispatches],
        [text.rescues, row.rescues || null],
        [text.replays, row.replays || null],
        [text.duplicates, row.duplicates || null],
        [text.lease, row.lease && <span>{text.leaseOf(words.shortId(row.lease.instance))}</span>],
        [text.contents, row.contents === 'readable' ? null : words.contents[row.contents]],
        [text.id, <code key="id">{row.id}</code>],
      ]}
    />
  );
}

/** Copies of what may leave the page, and the host's own links. */
export function DeliveryCopies({ detail: { row, payload, links } }: { detail: DeliveryDetail }) {
  const link = () => `${location.origin}${location.pathname}${addressOf('deliveries', row.id)}`;
  return (
    <p class="buttons copies">
      <CopyButton label={words.copy.id} text={row.id} />
      {row.sessionId !== null && <CopyButton label={words.copy.session} text={row.sessionId} />}
      <CopyButton label={words.copy.link} text={link} />
      {payload && <CopyButton label={words.copy.payload} text={() => JSON.stringify(maskedJson(payload), null, 2)} />}
      {row.status !== null && <CopyButton label={words.copy.test} text={() => asATest(row, payload)} />}
      {links.map(({ label, href }) => (
        <a key={href} class="button" href={href} rel="noreferrer">
          {label}
        </a>
      ))}
    </p>
  );
}
