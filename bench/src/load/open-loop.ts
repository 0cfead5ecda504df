import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Came } from './connection.js';
import { ANSWER_TIMEOUT_MS, LoadRecorder, type Load } from './load-recorder.js';

const TICK_MS = 2;
/** Connections that are opened together, before anything is measured. */
const OPENED_TOGETHER = 32;

export interface OpenLoopPlan {
  readonly kind: 'open';
  readonly port: number;
  /** Deliveries per second that come to be sent, however slowly the receiver answers. */
  readonly rate: number;
  /** Seconds. */
  readonly duration: number;
  /**
   * Opened beforehand, as those of a proxy are: Node takes one new connection in each turn of its event loop, and turns
   * are long when it is overloaded. What finds them all waiting for an answer is not sent, and counted as `unsent`.
   */
  readonly connections: number;
  /** Gets the ids of the acknowledged sessions, one per line. */
  readonly acknowledgedTo?: string;
}

/** Deliveries come at a steady rate, as a provider's do. Latency counts from when a delivery came to be sent. */
export class OpenLoop {
  private readonly recorder = new LoadRecorder();
  private readonly idle: Connection[] = [];
  private readonly acknowledged: string[] = [];
  private readonly connections: Connection[] = [];
  private underWay = 0;

  constructor(private readonly plan: OpenLoopPlan) {}

  async send(onMeasuring: () => void): Promise<Load> {
    await this.open();
    this.recorder.begin();
    onMeasuring();
    const beganAt = performance.now();
    const endsAt = beganAt + this.plan.duration * 1_000;
    let arrived = 0;
    for (let now = beganAt; now < endsAt; now = performance.now()) {
      for (const due = ((now - beganAt) * this.plan.rate) / 1_000; arrived < due; arrived++) this.arrive();
      await sleep(TICK_MS);
    }
    await this.answered();
    this.recorder.unanswered(this.underWay);
    this.recorder.end();
    for (const connection of this.connections) connection.close();
    if (this.plan.acknowledgedTo) await writeFile(this.plan.acknowledgedTo, this.acknowledged.join('\n'));
    return this.recorder.load();
  }

  private async open(): Promise<void> {
    while (this.connections.length < this.plan.connections) {
      const length = Math.min(OPENED_TOGETHER, this.plan.connections - this.connections.length);
      const opened = Array.from({ length }, () => new Connection(this.plan.port, this.came.bind(this)));
      this.connections.push(...opened);
      for (const connection of opened) this.sendOn(connection);
      await this.answered();
    }
  }

  private arrive(): void {
    const connection = this.idle.shift();
    if (connection) this.sendOn(connection);
    else this.recorder.unsent++;
  }

  private sendOn(connection: Connection): void {
    this.underWay++;
    connection.send();
  }

  private came(connection: Connection, came: Came, milliseconds: number, sessionId: string): void {
    this.recorder.add(came, milliseconds);
    if (came === 200 && this.plan.acknowledgedTo) this.acknowledged.push(sessionId);
    this.idle.push(connection);
    this.underWay--;
  }

  private async answered(): Promise<void> {
    const givesUpAt = performance.now() + ANSWER_TIMEOUT_MS;
    while (this.underWay > 0 && performance.now() < givesUpAt) await sleep(TICK_MS);
  }
}
