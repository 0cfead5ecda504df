import { EventSubscriber, type AfterQueryEvent, type BeforeQueryEvent, type EntitySubscriberInterface } from 'typeorm';

interface Insert {
  readonly rows: number;
  readonly bytes: number;
}

/** Watches the inserts into the inbox of an app that is started with `withDataSource({ subscribers: [watch.subscriber] })`. */
export class InsertWatch {
  readonly succeeded: Insert[] = [];
  readonly failed: Insert[] = [];
  inFlight = 0;
  mostInFlight = 0;

  readonly subscriber = subscriberOf(
    () => {
      this.inFlight++;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    },
    ({ parameters, success }) => {
      this.inFlight--;
      (success ? this.succeeded : this.failed).push(insertOf(parameters as unknown[]));
    },
  );

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
  return /^INSERT INTO \S*cr3dentials_webhook_delivery/.test(query);
}

function insertOf(parameters: unknown[]): Insert {
  const texts = valuesOf(parameters).filter((value) => typeof value === 'string');
  return {
    rows: texts.filter((text) => text === 'pending' || text === 'processing').length,
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
  };
}

/** PostgreSQL is given all rows as one parameter of JSON. */
function valuesOf(parameters: unknown[]): unknown[] {
  const [first, ...others] = parameters;
  if (others.length > 0) return parameters;
  return (JSON.parse(String(first)) as object[]).flatMap((row) => Object.values(row) as unknown[]);
}
