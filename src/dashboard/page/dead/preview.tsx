import type { BulkConditions, BulkPreviewAnswer } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { usePreferences } from '../app/preferences.js';
import { number } from '../parts/numbers.js';
import { Facts } from '../parts/facts.js';
import { dateAndTime, timeOfDay } from '../time/format.js';
import { words } from '../words/index.js';
import type { Wish } from './wish.js';

const text = words.bulk;

function sentenceOf({ handler, reason, count, isTransactional }: BulkPreviewAnswer['groups'][number]): string {
  if (handler !== null) return text.runsAgain(handler, number(count), isTransactional);
  return text.withoutHandler(number(count), (reason !== null && words.reasons[reason]) || '');
}

function ConditionsText({ conditions }: { conditions: BulkConditions }) {
  return (
    <>
      {Object.entries(conditions).map(([name, value]) => (
        <span key={name} class="filter-chip">
          {name}: <code>{String(value)}</code>
        </span>
      ))}
    </>
  );
}

/** What a bulk operation would do, before it does anything. */
export function PreviewFacts({ preview, wish }: { preview: BulkPreviewAnswer; wish: Wish }) {
  const { zone } = usePreferences().preferences;
  const { action, conditions, counted = preview.count } = wish;
  const { count, isCapped, asOf, oldestReceivedAt, newestReceivedAt, groups, examples } = preview;
  return (
    <>
      <p class="count">{text.matched(isCapped ? `${number(count)}+` : number(count), count)}</p>
      {counted !== count && <p class="error">{text.otherCount(number(counted), number(count))}</p>}
      <p>
        <ConditionsText conditions={conditions} />
      </p>
      <Facts
        facts={[
          [text.oldest, oldestReceivedAt && dateAndTime(oldestReceivedAt, zone)],
          [text.newest, newestReceivedAt && dateAndTime(newestReceivedAt, zone)],
        ]}
      />
      {action === 'replay' && (
        <ul class="plain">
          {groups.map((group) => (
            <li key={`${group.handler} ${group.reason}`}>{sentenceOf(group)}</li>
          ))}
          <li>{text.completedStay}</li>
        </ul>
      )}
      {action === 'discard' && <p>{words.meaning.discard}</p>}
      <p>{conditions.state === 'pending' ? text.waitsAgain : text.notTouched(timeOfDay(asOf, zone))}</p>
      {examples.length > 0 && (
        <details>
          <summary>{text.examples(examples.length)}</summary>
          <ul class="plain">
            {examples.map(({ id, sessionId }) => (
              <li key={id}>
                <a href={addressOf('deliveries', id)}>{sessionId ?? id}</a>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
