import {
  DataSource,
  EventSubscriber,
  type AfterQueryEvent,
  type BeforeQueryEvent,
  type EntitySubscriberInterface,
} from 'typeorm';

/** Moments of a delivery that show in the statements of the inbox. */
export type StatementKillPoint = 'between insert and answer' | 'between handler and completion';

/** Calls a function at these moments, on every DataSource of this process, that of the inbox too. */
export function onKillPoints(reached: (point: StatementKillPoint) => void): void {
  subscribe(() => new KillPointSubscriber(reached));
}

/** Calls a function before and after each statement, on every DataSource of this process, that of the inbox too. */
export function onStatements(reached: () => void): void {
  subscribe(() => ({ beforeQuery: reached, afterQuery: reached }));
}

function subscribe(create: () => EntitySubscriberInterface): void {
  const { initialize } = DataSource.prototype;
  DataSource.prototype.initialize = async function () {
    const dataSource = await initialize.call(this);
    dataSource.subscribers.push(create());
    return dataSource;
  };
}

@EventSubscriber()
class KillPointSubscriber implements EntitySubscriberInterface {
  #isInserting = false;

  constructor(private readonly reached: (point: StatementKillPoint) => void) {}

  afterQuery({ query, success }: AfterQueryEvent): void {
    if (!success) return;
    // PostgreSQL and MariaDB are told everything at once.
    if (/^(WITH recorded AS|SET STATEMENT \S+ = 0 FOR BEGIN NOT ATOMIC)/.test(query))
      this.reached('between insert and answer');
    if (/^(BEGIN|START TRANSACTION)/.test(query)) this.#isInserting = false;
    if (/^INSERT INTO \S*delivery\b(?!_)/.test(query)) this.#isInserting = true;
    if (query === 'COMMIT' && this.#isInserting) this.reached('between insert and answer');
  }

  beforeQuery({ query }: BeforeQueryEvent): void {
    if (/^(SET STATEMENT \S+ = 0 FOR )?UPDATE \S*delivery\S* SET state = \S+, finished_at/.test(query))
      this.reached('between handler and completion');
  }
}
