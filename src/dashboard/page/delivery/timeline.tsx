import type { ComponentChildren } from 'preact';
import type { TimelineEntry } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { Badge } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import { duration } from '../time/format.js';
import { Ago, Moment } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.timeline;

/** Part of a timeline entry of one kind. */
type Of<K extends TimelineEntry['kind']> = Extract<TimelineEntry, { kind: K }>;

function Attempt({ entry }: { entry: Of<'attempt'> }) {
  const { handler, attempt, outcome, took, error, instance } = entry;
  return (
    <>
      <Badge state={outcome} /> <code>{handler}</code> {text.attempt(attempt)}
      {took !== null && ` ${text.took(duration(took))}`}
      {instance !== null && <span class="muted"> {text.on(words.shortId(instance))}</span>}
      {error !== null && <p class="error-text">{error}</p>}
    </>
  );
}

function ActionText({ entry: { action } }: { entry: Of<'action'> }) {
  return (
    <>
      <strong>{action.operator ?? text.nobody}</strong> {words.acts[action.action] ?? action.action}
      {action.handlers && action.handlers.length > 0 && (
        <>
          {' '}
          <code>{action.handlers.join(', ')}</code>
        </>
      )}
      <span class="muted"> ({words.sources[action.source] ?? action.source})</span>
      {action.reason !== null && <p class="reason">“{action.reason}”</p>}
    </>
  );
}

function Next({ entry: { handlers } }: { entry: Of<'next'> }) {
  return (
    <>
      {text.next}{' '}
      {handlers.map(({ handler, at }, index) => (
        <span key={handler}>
          {index > 0 && ', '}
          <code>{handler}</code> <Ago at={at} />
        </span>
      ))}
    </>
  );
}

function Conflict({ entry: { rejection, reason, state, repeats } }: { entry: Of<'conflict'> }) {
  return (
    <>
      <Badge state={state} word={words.rejectionReasons[reason]} />{' '}
      <a href={addressOf('rejections', rejection)}>{text.conflict}</a>
      {repeats > 0 && <span class="muted"> {text.repeats(repeats)}</span>}
    </>
  );
}

function textOf(entry: TimelineEntry): ComponentChildren {
  switch (entry.kind) {
    case 'received':
      return text.received;
    case 'duplicates':
      return text.duplicates(number(entry.count));
    case 'conflict':
      return <Conflict entry={entry} />;
    case 'attempt':
      return <Attempt entry={entry} />;
    case 'ended':
      return (
        <>
          <Badge state={entry.state} /> {entry.reason === null ? null : (words.reasons[entry.reason] ?? entry.reason)}
        </>
      );
    case 'action':
      return <ActionText entry={entry} />;
    case 'next':
      return <Next entry={entry} />;
  }
}

/** What happened to a delivery, oldest first, operators' acts included. */
export function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  return (
    <ol class="timeline">
      {entries.map((entry) => (
        <li key={`${entry.at}-${entry.order}-${entry.kind}`} class={`entry is-${entry.kind}`}>
          <span class="when">
            {entry.kind === 'next' ? <span class="muted">{text.ahead}</span> : <Moment at={entry.at} />}
          </span>
          <div class="what">{textOf(entry)}</div>
        </li>
      ))}
    </ol>
  );
}
