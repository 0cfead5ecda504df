import type { BulkAnswer, BulkView } from '../../api/contract.js';
import { post } from '../api/client.js';
import { refreshNow } from '../api/use-poll.js';
import { useSay } from '../app/announcer.js';
import { useCan } from '../app/session.js';
import { Badge } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import { useAct } from '../parts/use-act.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.bulk;

type Steering = 'pause' | 'resume' | 'cancel';

function steeringOf({ state }: BulkView): readonly Steering[] {
  if (state === 'running') return ['pause', 'cancel'];
  return state === 'paused' ? ['resume', 'cancel'] : [];
}

export function isUnderWay({ state }: BulkView): boolean {
  return state === 'running' || state === 'paused';
}

/** Progress of a bulk operation. Everyone sees it, and it goes on without the page. */
export function BulkCard({ bulk }: { bulk: BulkView }) {
  const can = useCan();
  const say = useSay();
  const { isRunning, error, run } = useAct();
  const { expected, done, skipped, deadAgain } = bulk;
  const steer = (act: Steering) =>
    run(async () => {
      await post<BulkAnswer>(`bulk/${bulk.id}/${act}`, {});
      refreshNow();
      say(text.steered[act]);
    });
  return (
    <li class="panel bulk">
      <h3>
        {text.names[bulk.action]} {text.of(number(expected))} <Badge state={bulk.state} />
      </h3>
      <progress max={expected} value={done + skipped} aria-label={text.progress} />
      <p>
        {text.counts(number(done), number(expected), number(skipped))}
        {bulk.action === 'replay' && (
          <span class={deadAgain > 0 ? 'is-dead' : ''}> {text.deadAgain(number(deadAgain))}</span>
        )}
      </p>
      {bulk.state === 'paused' && bulk.pausedBy === 'dead-again' && (
        <p class="error">{text.pausedItself(number(deadAgain), number(done))}</p>
      )}
      <p class="muted">
        {text.by(bulk.operator ?? words.timeline.nobody)} <Ago at={bulk.startedAt} />, {text.atRate(bulk.rate)}
        {bulk.reason !== null && ` “${bulk.reason}” `}
        {Object.entries(bulk.conditions).map(([name, value]) => (
          <span key={name} class="filter-chip">
            {name}: <code>{String(value)}</code>
          </span>
        ))}
      </p>
      {can('bulk') && isUnderWay(bulk) && (
        <p class="buttons">
          {steeringOf(bulk).map((act) => (
            <button key={act} type="button" disabled={isRunning} onClick={() => steer(act)}>
              {text.steer[act]}
            </button>
          ))}
        </p>
      )}
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </li>
  );
}
