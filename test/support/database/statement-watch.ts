import type { INestApplication } from '@nestjs/common';
import { EventSubscriber, type BeforeQueryEvent, type DataSource, type EntitySubscriberInterface } from 'typeorm';
import { DatabaseConnection } from '../../../src/database/database.connection.js';

/** Keeps the statements that an app sends on the connections of the inbox. */
export class StatementWatch {
  readonly statements: string[] = [];

  /** Pass it to `configured()` of the app. */
  readonly watch = (app: INestApplication): void => {
    const { dataSource } = app.get(DatabaseConnection, { strict: false }) as unknown as { dataSource: DataSource };
    const { statements } = this;
    @EventSubscriber()
    class Subscriber implements EntitySubscriberInterface {
      beforeQuery({ query }: BeforeQueryEvent): void {
        statements.push(query);
      }
    }
    dataSource.subscribers.push(new Subscriber());
  };
}
