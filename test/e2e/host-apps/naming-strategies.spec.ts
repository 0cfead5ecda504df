import { describe, expect, it } from '@jest/globals';
import { DefaultNamingStrategy, type DataSourceOptions, type NamingStrategyInterface } from 'typeorm';
import { InATransaction, FailOnceWhenErrored, RememberEvents } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

class Prefixed extends DefaultNamingStrategy {
  override tableName(target: string, given: string | undefined): string {
    return `app_${given ?? target}`;
  }
}

class Plural extends DefaultNamingStrategy {
  override tableName(target: string, given: string | undefined): string {
    return `${given ?? target}s`;
  }
}

class UpperCase extends DefaultNamingStrategy {
  override tableName(target: string, given: string | undefined): string {
    return (given ?? target).toUpperCase();
  }

  override columnName(property: string, given: string | undefined): string {
    return (given ?? property).toUpperCase();
  }
}

class PropertyNames extends DefaultNamingStrategy {
  override columnName(property: string): string {
    return property;
  }
}

class SnakeCase extends DefaultNamingStrategy {
  override tableName(target: string, given: string | undefined): string {
    return given ?? target.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
  }

  override columnName(property: string, given: string | undefined): string {
    return given ?? property.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
  }
}

class PrefixOfItsOwn extends DefaultNamingStrategy {
  override prefixTableName(prefix: string, tableName: string): string {
    return `${prefix}__${tableName}`;
  }
}

const strategies: [string, NamingStrategyInterface, string?][] = [
  ['prefixes tables', new Prefixed()],
  ['makes plurals', new Plural()],
  ['makes upper case', new UpperCase()],
  ['names columns after their properties', new PropertyNames()],
  ['makes snake case', new SnakeCase()],
  ['prefixes tables, beside entityPrefix', new Prefixed(), 'acme_'],
  ['has a way of its own for entityPrefix', new PrefixOfItsOwn(), 'acme_'],
];

describe.each(databases)('a naming strategy of the host on %s', (kind) => {
  const host = freshHost(kind);

  it.each(strategies)('leaves our tables as they are: one that %s', async (_, namingStrategy, entityPrefix = '') => {
    const app = await host.start((a) =>
      a
        .withDataSource({ namingStrategy, entityPrefix } as Partial<DataSourceOptions>)
        .withHandlers(FailOnceWhenErrored, RememberEvents, InATransaction),
    );
    const body = payload({ status: 'ERROR' });
    const conflict = { ...body, platformId: 2 };
    for (const one of [body, body, conflict]) expect(await app.post(one)).toMatchObject({ status: 200 });
    const { id, runs } = await app.delivery(body.sessionId, 'completed');
    expect(runs).toMatchObject([
      { handler: 'fail-once', state: 'completed', attempts: 2 },
      { handler: 'remember', state: 'completed' },
      { handler: 'transactional', state: 'completed' },
    ]);
    expect(await app.inbox.replay(id, { handlers: ['remember'] })).toBe('replayed');
    await app.delivery(body.sessionId, 'completed');
    expect(await app.inbox.list({ state: 'completed' })).toMatchObject([{ id, duplicates: 1 }]);
    expect(await app.rejections()).toMatchObject([{ reason: 'conflict', sessionId: body.sessionId }]);
    expect(await app.inbox.stats()).toMatchObject({ completed: 1, openRejections: 1 });
    const [table] = await (
      await host.database.connect()
    ).query(`SELECT count(*) AS n FROM ${entityPrefix}cr3dentials_webhook_delivery`);
    expect(Number(table.n)).toBe(1);
  });
});
