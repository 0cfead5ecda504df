import type { DeliveryState, RejectionState, VerificationStatus } from '../../api/contract.js';
import { words } from '../words/index.js';

/** Signs tell states apart without colour. */
const SIGNS: Record<string, string> = {
  pending: '◷',
  processing: '▶',
  completed: '✓',
  dead: '✕',
  unhandled: '?',
  discarded: '–',
  erased: '∅',
  open: '!',
  accepted: '✓',
  waiting: '◷',
  failed: '✕',
  interrupted: '‖',
  live: '●',
  stopped: '■',
  lost: '✕',
  running: '▶',
  paused: '‖',
  done: '✓',
  cancelled: '–',
  taken: '▶',
};

/** A state as sign, word and colour. */
export function Badge({ state, word }: { state: string; word?: string }) {
  return (
    <span class={`badge is-${state}`}>
      <span aria-hidden="true">{SIGNS[state] ?? '·'}</span> {word ?? words.states[state] ?? state}
    </span>
  );
}

export function DeliveryBadge({ state, reason }: { state: DeliveryState; reason: string | null }) {
  const why = reason !== null && reason !== 'handler' ? words.reasons[reason] : undefined;
  return (
    <>
      <Badge state={state} />
      {why !== undefined && <span class="muted"> {why}</span>}
    </>
  );
}

export function RejectionBadge({ state }: { state: RejectionState }) {
  return <Badge state={state} />;
}

/** The status that the provider sent; it is neither good nor bad for the inbox. */
export function Status({ status }: { status: VerificationStatus | null }) {
  return status === null ? <span class="muted">{words.none}</span> : <span class="status">{status}</span>;
}
