import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { NewTally } from '../inbox/tally.repository.js';
import type { Occurrences } from '../instrumentation/occurrences.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { WorkerIdentity } from '../processing/worker.identity.js';
import { countIn, emptyTally, mergeInto, type Tally } from './tally.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Minutes that are kept in memory while the database does not answer. */
const MAX_MINUTES = 120;
/** Subjects of a minute. There are as many as handlers, and the inbox. */
const MAX_SUBJECTS = 500;

export const INBOX = 'inbox';
const HANDLER = 'handler:';
/** Returns the subject of a handler. */
export const handlerSubject = (handler: string): string => `${HANDLER}${handler}`;
/** Returns the handler that a subject is; undefined for another subject. */
export const handlerOf = (subject: string): string | undefined =>
  subject.startsWith(HANDLER) ? subject.slice(HANDLER.length) : undefined;

type Subjects = Map<string, Tally>;

const BY_VERDICT: Readonly<Record<Occurrences['received']['verdict'], string>> = {
  accepted: 'accepted',
  duplicate: 'duplicate',
  erased: 'duplicate',
  conflict: 'conflict',
  stale: 'conflict',
  invalid: 'rejected',
  'unknown-status': 'rejected',
  'unexpected-data': 'rejected',
  unavailable: 'unavailable',
};

/** Counts what happens on this instance, in memory. */
@Injectable()
export class TallyRecorder {
  /** Subjects by the begin of their minute. */
  readonly #minutes = new Map<number, Subjects>();
  /** Subjects by the begin of their hour, without the minutes above. */
  readonly #hours = new Map<number, Subjects>();
  /** Counts by subject as they are known to be in the database, by the width and the begin of their time. */
  readonly #written = new Map<string, Map<string, string>>();
  /** Begin of the minute after the last one that was forgotten. */
  #openFrom = 0;
  /** Minute in which the counts to be written were taken. */
  #takenIn = 0;

  constructor(
    private readonly clock: Clock,
    private readonly identity: WorkerIdentity,
  ) {}

  /** Begins to count. */
  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('received', ({ verdict }) => this.count(INBOX, BY_VERDICT[verdict]));
    instrumentation.subscribe('refused', ({ kind, hasVerdict }) => {
      if (hasVerdict) return; // it was received, and is counted there
      const isUnavailable = kind === 'secrets-unavailable' || kind === 'unavailable';
      this.count(INBOX, kind === 'unauthorized' ? kind : isUnavailable ? 'unavailable' : 'refused');
    });
    instrumentation.subscribe('settled', (settled) => this.countSettled(settled));
    instrumentation.subscribe('poisoned', ({ count }) => {
      for (let n = 0; n < count; n++) this.count(INBOX, 'dead');
    });
    instrumentation.subscribe('attempt-ended', ({ handler, outcome, took }) =>
      this.count(handlerSubject(handler), outcome, outcome === 'completed' ? took : undefined),
    );
  }

  /** Notes how long the oldest due delivery has waited. */
  note(oldestDueMs: number): void {
    const tally = this.tallyOf(INBOX);
    if (tally) tally.oldestDue = Math.max(tally.oldestDue ?? 0, Math.max(0, Math.round(oldestDueMs)));
  }

  /** Returns what is to be written now: the counts of minutes and hours that are not known to be written as they are. */
  pending(): NewTally[] {
    this.#takenIn = this.minute();
    const hours = new Map([...this.#hours].map(([at, subjects]) => [at, copyOf(subjects)]));
    for (const [minute, subjects] of this.#minutes) mergeAll(hours, hourOf(minute), subjects);
    return [...this.rowsOf(60, this.#minutes), ...this.rowsOf(3_600, hours)].filter((row) => !this.isWritten(row));
  }

  /** Notes what is written. Forgets minutes that had ended when they were taken, unless more was counted since. */
  written(rows: readonly NewTally[]): void {
    for (const row of rows) {
      const known = this.#written.get(placeOf(row)) ?? new Map<string, string>();
      this.#written.set(placeOf(row), known.set(row.subject, row.counts));
    }
    const minute = this.#takenIn;
    const ended = [...this.#minutes].filter(([bucket]) => bucket < minute);
    for (const [bucket, subjects] of ended)
      if (this.rowsOf(60, new Map([[bucket, subjects]])).every((row) => this.isWritten(row))) this.close(bucket);
    for (const hour of this.#hours.keys()) if (hour < hourOf(minute) - HOUR_MS) this.forgetHour(hour);
  }

  private isWritten(row: NewTally): boolean {
    return this.#written.get(placeOf(row))?.get(row.subject) === row.counts;
  }

  private countSettled({ state, age, dispatches, replays }: Occurrences['settled']): void {
    if (state === 'returned' || state === 'erased') return;
    if (state === 'pending') return this.count(INBOX, 'failed');
    const isLate = state === 'completed' && (dispatches > 1 || replays > 0);
    const latency = state === 'completed' && replays === 0 ? age : undefined;
    this.count(INBOX, isLate ? 'completedAfterRetry' : state, latency);
  }

  private count(subject: string, counter: string, latencyMs?: number): void {
    const tally = this.tallyOf(subject);
    if (tally) countIn(tally, counter, latencyMs);
  }

  private tallyOf(subject: string): Tally | undefined {
    const minute = this.minute();
    const subjects = this.#minutes.get(minute) ?? this.open(minute);
    const tally = subjects.get(subject);
    if (tally) return tally;
    if (subjects.size >= MAX_SUBJECTS) return undefined;
    const made = emptyTally();
    subjects.set(subject, made);
    return made;
  }

  private open(minute: number): Subjects {
    const subjects: Subjects = new Map();
    this.#minutes.set(minute, subjects);
    const oldest = Math.min(...this.#minutes.keys());
    if (this.#minutes.size > MAX_MINUTES) this.close(oldest);
    return subjects;
  }

  private close(minute: number): void {
    const subjects = this.#minutes.get(minute);
    if (!subjects) return;
    mergeAll(this.#hours, hourOf(minute), subjects);
    this.#minutes.delete(minute);
    this.#written.delete(placeOf({ width: 60, bucket: minute }));
    this.#openFrom = Math.max(this.#openFrom, minute + MINUTE_MS);
  }

  private forgetHour(hour: number): void {
    this.#hours.delete(hour);
    this.#written.delete(placeOf({ width: 3_600, bucket: hour }));
  }

  /** A clock that is set back does not begin a minute again: its row would be replaced. */
  private minute(): number {
    return Math.max(this.#openFrom, Math.floor(this.clock.now() / MINUTE_MS) * MINUTE_MS);
  }

  private rowsOf(width: 60 | 3_600, buckets: ReadonlyMap<number, Subjects>): NewTally[] {
    return [...buckets].flatMap(([bucket, subjects]) =>
      [...subjects].map(([subject, tally]) => {
        return { width, bucket, subject, instance: this.identity.id, counts: JSON.stringify(tally) };
      }),
    );
  }
}

function placeOf({ width, bucket }: Pick<NewTally, 'width' | 'bucket'>): string {
  return `${width} ${bucket}`;
}

function hourOf(moment: number): number {
  return Math.floor(moment / HOUR_MS) * HOUR_MS;
}

function mergeAll(hours: Map<number, Subjects>, hour: number, subjects: Subjects): void {
  const target: Subjects = hours.get(hour) ?? new Map();
  hours.set(hour, target);
  for (const [subject, tally] of subjects) {
    const sum = target.get(subject) ?? emptyTally();
    target.set(subject, sum);
    mergeInto(sum, tally);
  }
}

function copyOf(subjects: Subjects): Subjects {
  const copies = new Map<number, Subjects>();
  mergeAll(copies, 0, subjects);
  return copies.get(0) ?? new Map();
}
