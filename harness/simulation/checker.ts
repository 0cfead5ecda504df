import type { FinalState, StoredDelivery } from './audit.js';
import { handlerIds, isTransactional, type HandlerId } from './world/handler-ids.js';
import type { History } from './world/history.js';
import { ATTEMPTS } from './world/settings.js';

/** Number of expired leases in a row after which a delivery is dead. */
const CRASHES = 3;

/** Result of a schedule. */
export interface Outcome {
  readonly history: History;
  readonly state: FinalState;
  /** Events other than kills by handlers after which a lease may have run out. */
  readonly incidents: number;
  /** Ids of deliveries of which a handler that only one version has may be forgotten. */
  readonly unrecorded: ReadonlySet<string>;
}

/** Returns the rules that a schedule has broken, each with its place. */
export function brokenRules(outcome: Outcome): string[] {
  const { state, history } = outcome;
  return [
    ...lost(outcome),
    ...state.deliveries.flatMap((delivery) => [
      ...wrongEnds(delivery, outcome),
      ...(delivery.state === 'completed' ? unreached(delivery, outcome) : []),
      ...(delivery.isLeased ? [`${delivery.session} is ${delivery.state} with a lease`] : []),
    ]),
    ...wrongEffects(state, history),
  ];
}

/** Whatever was acknowledged is a delivery or a rejection. */
function lost({ history, state }: Outcome): string[] {
  const delivered = new Set(state.deliveries.map(({ session, content }) => `${session} ${content}`));
  return [...history.acknowledged]
    .flatMap(([session, contents]) => [...contents].map((content) => `${session} ${content}`))
    .filter((content) => !delivered.has(content) && !state.rejected.has(content))
    .map((content) => `${content} was acknowledged and is lost`);
}

/** A delivery is completed, unless its handlers or an operator have decided otherwise. */
function wrongEnds(
  { id, session, state, reason }: StoredDelivery,
  { history, incidents, state: all }: Outcome,
): string[] {
  const runs = all.runs.filter(({ deliveryId }) => deliveryId === id);
  if (state === 'completed') {
    const unfinished = runs.filter((run) => run.state !== 'completed');
    return unfinished.map((run) => `${session} is completed with a run of ${run.handler} that is ${run.state}`);
  }
  if (state === 'discarded') return history.discarded.has(session) ? [] : [`${session} is discarded by nobody`];
  if (state !== 'dead') return [`${session} ends ${state}`];
  if (reason === 'crash-loop') {
    const kills = history.scripts.kills.get(session) ?? 0;
    return kills + incidents >= CRASHES ? [] : [`${session} is dead by a crash loop after ${kills} kills`];
  }
  return runs.filter((run) => run.state === 'dead').flatMap((run) => wrongDeath(session, run, history));
}

function wrongDeath(
  session: string,
  { handler, attempts }: { handler: string; attempts: number },
  { scripts }: History,
): string[] {
  const id = handler as HandlerId;
  if (!scripts.isHopeless(session, id)) return [`${handler} of ${session} is dead, and could succeed`];
  if (scripts.failsAtOnce(session, id) || attempts === ATTEMPTS) return [];
  return [`${handler} of ${session} is dead after ${attempts} attempts`];
}

/** All handlers that every version has, and all that were ever called, were called for what is stored and have returned. */
function unreached({ id, session, content }: StoredDelivery, { history, unrecorded }: Outcome): string[] {
  const hasBegun = (handler: HandlerId) => !unrecorded.has(id) && history.hasBegun(session, handler, content);
  return handlerIds.new
    .filter((handler) => handlerIds.old.includes(handler) || hasBegun(handler))
    .filter((handler) => !history.hasReturned(session, handler, content))
    .map((handler) => `${session} ${content} is completed, and ${handler} has never returned`);
}

/** Each part of an effect is there once for each run that was to take effect, and all parts are there as often. */
function wrongEffects({ deliveries, effects }: FinalState, history: History): string[] {
  return deliveries.flatMap(({ session, content, state }) =>
    handlerIds.new
      .filter(isTransactional)
      .flatMap((handler) => {
        const own = effects.filter((effect) => effect.session === session && effect.handler === handler);
        const count = (of: string, part: string) => own.filter((one) => one.content === of && one.part === part).length;
        const most = 1 + history.replaysOf(session, handler) + (history.superseded.get(session) ?? 0);
        const least = state === 'completed' && handlerIds.old.includes(handler) ? 1 : 0;
        return [...new Set([content, ...own.map((one) => one.content)])].flatMap((of) => {
          const [debit, credit] = [count(of, 'debit'), count(of, 'credit')];
          const what = `${handler} of ${session} ${of} took effect ${debit} and ${credit} times`;
          if (debit !== credit || debit > most) return [what];
          return of === content && debit < least ? [what] : [];
        });
      })
      .concat(
        effects
          .filter((effect) => effect.session === session && effect.part === 'late')
          .map(({ handler }) => `${handler} of ${session} wrote after its end`),
      ),
  );
}
