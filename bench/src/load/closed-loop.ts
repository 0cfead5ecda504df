import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Came } from './connection.js';
import { ANSWER_TIMEOUT_MS, LoadRecorder, type Load } from './load-recorder.js';

export interface ClosedLoopPlan {
  readonly kind: 'closed';
  readonly port: number;
  readonly connections: number;
  /** Seconds. */
  readonly warmUp: number;
  readonly duration: number;
  /** Number of deliveries in all, where that is the end rather than the time. */
  readonly deliveries?: number;
}

/** Keeps as many deliveries under way as there are connections: the next is sent when one has been answered. */
export class ClosedLoop {
  private readonly recorder = new LoadRecorder();
  private readonly connections: Connection[];
  private readonly answered: Promise<void>;
  private readonly most: number;
  private underWay: number;
  private isEnding = false;
  private sent = 0;
  private allAnswered?: () => void;

  constructor(private readonly plan: ClosedLoopPlan) {
    const came = this.came.bind(this);
    this.connections = Array.from({ length: plan.connections }, () => new Connection(plan.port, came));
    this.underWay = plan.connections;
    this.most = plan.deliveries ?? Number.POSITIVE_INFINITY;
    this.answered = new Promise((resolve) => (this.allAnswered = resolve));
  }

  async send(onMeasuring: () => void): Promise<Load> {
    for (const connection of this.connections) this.sendNext(connection);
    await sleep(this.plan.warmUp * 1_000);
    this.recorder.begin();
    onMeasuring();
    await this.answeredWithin(this.plan.duration * 1_000);
    this.recorder.end();
    this.isEnding = true;
    await this.answeredWithin(ANSWER_TIMEOUT_MS);
    this.recorder.unanswered(this.underWay);
    for (const connection of this.connections) connection.close();
    return this.recorder.load();
  }

  private came(connection: Connection, came: Came, milliseconds: number): void {
    this.recorder.add(came, milliseconds);
    this.sendNext(connection);
  }

  private async answeredWithin(milliseconds: number): Promise<void> {
    const abort = new AbortController();
    const late = sleep(milliseconds, undefined, { signal: abort.signal }).catch(() => {}); // it was not needed
    await Promise.race([this.answered, late]);
    abort.abort();
  }

  private sendNext(connection: Connection): void {
    if (!this.isEnding && this.sent++ < this.most) connection.send();
    else if (--this.underWay === 0) this.allAnswered?.();
  }
}
