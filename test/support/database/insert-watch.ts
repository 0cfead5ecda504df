import type { INestApplication } from '@nestjs/common';
import {
  EventSubscriber,
  type AfterQueryEvent,
  type BeforeQueryEvent,
  type DataSource,
  type EntitySubscriberInterface,
} from 'typeorm';
import { DatabaseConnection } from '../../../src/database/database.connection.js';

interface Insert {
  readonly rows: number;
  readonly bytes: number;
  /** Code of its error. */
  readonly code: string;
}

/** Watches the inserts into the inbox of an app, on the connections of the inbox. */
export class InsertWatch {
  readonly succeeded: Insert[] = [];
  readonly failed: Insert[] = [];
  inFlight = 0;
  mostInFlight = 0;

  readonly #Subscriber = subscriberOf(
    () => {
      this.inFlight++;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    },
    ({ parameters, success, error }) => {
      this.inFlight--;
      (success ? this.succeeded : this.failed).push(insertOf(parameters as unknown[], error));
    },
  );

  /** Pass it to `configured()` of the app. */
  readonly watch = (app: INestApplication): void => {
    const { dataSource } = app.get(DatabaseConnection, { strict: false }) as unknown as { dataSource: DataSource };
    dataSource.subscribers.push(new this.#Subscriber());
  };

  get rows(): number {
    return this.succeeded.reduce((sum, { rows }) => sum + rows, 0);
  }
}

/** A class, because TypeORM makes the instance. */
function subscriberOf(before: () => void, after: (event: AfterQueryEvent) => void) {
  @EventSubscriber()
  class Subscriber implements EntitySubscriberInterface {
    beforeQuery(event: BeforeQueryEvent): void {
      if (isOurs(event)) before();
    }

    afterQuery(event: AfterQueryEvent): void {
      if (isOurs(event)) after(event);
    }
  }
  return Subscriber;
}

function isOurs({ query }: BeforeQueryEvent): boolean {
  const isAtOnce = /^(WITH recorded AS|SET STATEMENT \S+ = 0 FOR BEGIN NOT ATOMIC)/.test(query);
  return isAtOnce || /^INSERT INTO \S*cr3dentials_webhook_delivery\b(?!_)/.test(query);
}

function insertOf(parameters: unknown[], error: unknown): Insert {
  const texts = valuesOf(parameters).filter((value) => typeof value === 'string');
  return {
    rows: texts.filter((text) => /^[0-9a-f]{64}$/.test(text)).length / 2, // key and fingerprint
    code: String((Object(error) as { code?: unknown }).code ?? ''),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
  };
}

/** PostgreSQL is given the facts of all rows as one parameter of JSON, and their states as another. */
function valuesOf(parameters: unknown[]): unknown[] {
  const [first] = parameters;
  if (!String(first).startsWith('[')) return parameters;
  return (JSON.parse(String(first)) as object[]).flatMap((row) => Object.values(row) as unknown[]);
}
