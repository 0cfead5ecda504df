import type { ErrorListing, HandlerListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import { useKeys } from '../app/keys.js';
import { addressOf, go, type Route } from '../app/router.js';
import { Charts } from '../overview/charts.js';
import { chartsOfHandler } from '../overview/tally-charts.js';
import { Facts } from '../parts/facts.js';
import { number } from '../parts/numbers.js';
import { Polled } from '../parts/poll-state.js';
import { words } from '../words/index.js';
import { recentOf } from './recent.js';

const text = words.handlers;

function HandlerFacts({ id }: { id: string }) {
  const poll = usePoll<HandlerListing>('handlers', 5);
  return (
    <Polled poll={poll}>
      {({ items }) => {
        const handler = items.find((item) => item.id === id);
        if (!handler) return <p class="empty">{text.unknown(id)}</p>;
        const { statuses, isTransactional, instances, dead } = handler;
        const recent = recentOf(handler);
        return (
          <section class="panel" aria-label={text.facts}>
            <Facts
              facts={[
                [text.handler, <code key="id">{id}</code>],
                [text.statuses, statuses.join(', ') || words.none],
                [text.transactional, isTransactional === null ? null : text.yesOrNo[isTransactional ? 'yes' : 'no']],
                [text.instances, number(instances.length)],
                [text.dead, number(dead)],
                [text.success, recent.success],
                [text.times, recent.times],
              ]}
            />
            <p class="muted">{text.recent}</p>
            <p class="muted">{text.note}</p>
          </section>
        );
      }}
    </Polled>
  );
}

function TopErrors({ id }: { id: string }) {
  const poll = usePoll<ErrorListing>(`errors?state=dead&handler=${encodeURIComponent(id)}`, 10);
  return (
    <section class="panel">
      <h2>{text.errors}</h2>
      <Polled poll={poll}>
        {({ groups }) =>
          groups.length === 0 ? (
            <p class="empty">{text.noErrors}</p>
          ) : (
            <ol>
              {groups.slice(0, 5).map(({ error, count, search }) => (
                <li key={error}>
                  {number(count)} ×{' '}
                  <a
                    class="error-text"
                    href={addressOf('deliveries', null, { state: 'dead', handler: id, error: search })}
                  >
                    {error ?? words.dead.noError}
                  </a>
                </li>
              ))}
            </ol>
          )
        }
      </Polled>
    </section>
  );
}

/** One handler: where it is, what it fails with, and how it has been. */
export function HandlerPage({ id, route }: { id: string; route: Route }) {
  useKeys({ u: () => go(addressOf('handlers')) });
  return (
    <>
      <p>
        <a href={addressOf('handlers')}>{text.back}</a>
      </p>
      <HandlerFacts id={id} />
      <TopErrors id={id} />
      <Charts route={route} subject={`handler:${id}`} chartsOf={chartsOfHandler} />
    </>
  );
}
