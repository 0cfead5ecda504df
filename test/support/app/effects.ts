import {
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  OnVerification,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import {
  Column,
  DataSource,
  Entity,
  PrimaryColumn,
  Table,
  type EntityManager,
  type MigrationInterface,
  type QueryRunner,
} from 'typeorm';
import type { WebhookApp, WebhookAppBuilder } from './webhook-app.js';

/** A table of the host. A row for each time that something took effect: nothing in it hides a second time. */
@Entity('effect')
export class Effect {
  @PrimaryColumn({ type: 'integer', generated: 'increment' })
  id!: number;

  @Column({ name: 'session_id', type: 'varchar', length: 512 })
  sessionId!: string;
}

/** Writes, and then does with its manager what it is told to, in its first run only. */
export class BookAnd {
  runs = 0;
  misuse: (manager: EntityManager) => unknown = () => {};

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.runs++;
    await manager.insert(Effect, { sessionId });
    if (this.runs === 1) await this.misuse(manager);
  }
}

/** Makes the table. */
export class Effects1795392000009 implements MigrationInterface {
  readonly name = 'Effects1795392000009';

  async up(queryRunner: QueryRunner): Promise<void> {
    const columns = [
      { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' as const },
      { name: 'session_id', type: 'varchar', length: '512' },
    ];
    await queryRunner.createTable(new Table({ name: 'effect', columns }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('effect');
  }
}

export function withEffects(app: WebhookAppBuilder, more: Parameters<WebhookAppBuilder['withDataSource']>[0] = {}) {
  return app.withDataSource({
    entities: [...cr3dentialsWebhookEntities, Effect],
    migrations: [...cr3dentialsWebhookMigrations, Effects1795392000009],
    ...more,
  });
}

/** How often something took effect for the session, as everyone else sees it. */
export function effectsOf(app: WebhookApp, sessionId: unknown): Promise<number> {
  return app.nest
    .get(DataSource)
    .getRepository(Effect)
    .countBy({ sessionId: String(sessionId) });
}
