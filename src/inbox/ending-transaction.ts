import type { EntityManager, QueryRunner } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';

/**
 * A manager for a handler's writes that refuses them once the transaction ends. A handler that has run out of time may
 * still go on, and on SQLite, where all share one connection, it would write into whatever comes next.
 */
export function endingManager(runner: QueryRunner): { manager: EntityManager; end: () => void } {
  let hasEnded = false;
  const guarded: QueryRunner = new Proxy(runner, {
    get(target, property, receiver) {
      if (property === 'manager') return manager;
      if (property === 'query' && hasEnded) return refuse;
      return Reflect.get(target, property, receiver) as unknown;
    },
  });
  const manager = runner.manager.connection.createEntityManager(guarded);
  return {
    manager,
    end() {
      hasEnded = true;
    },
  };
}

function refuse(): Promise<never> {
  return Promise.reject(
    new Cr3dentialsWebhookError(
      'NOT_TRANSACTIONAL',
      'The transaction of this handler has ended. Stop at context.signal, and await every write before returning.',
    ),
  );
}
