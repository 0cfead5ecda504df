import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the connector reads: its `publication.name`. A publication is in no schema, but in the database. */
const publication = (): string => process.env.OUTBOX_PUBLICATION ?? 'outbox';

export class Outbox1795392000004 implements MigrationInterface {
  readonly name = 'Outbox1795392000004';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE outbox (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      aggregatetype varchar(64) NOT NULL,
      aggregateid varchar(191) NOT NULL,
      type varchar(64) NOT NULL,
      payload jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`);
    // Inserts only: what removes old rows is no message.
    await queryRunner.query(`CREATE PUBLICATION ${publication()} FOR TABLE outbox WITH (publish = 'insert')`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP PUBLICATION ${publication()}`);
    await queryRunner.query('DROP TABLE outbox');
  }
}
