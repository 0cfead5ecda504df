import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

export class Accounts1795392000003 implements MigrationInterface {
  readonly name = 'Accounts1795392000003';

  async up(queryRunner: QueryRunner): Promise<void> {
    const account = new Table({
      name: 'account',
      columns: [
        { name: 'reference', type: 'varchar', length: '191', isPrimary: true },
        { name: 'activations', type: 'int' },
      ],
    });
    const outbox = new Table({
      name: 'outbox',
      columns: [
        { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'topic', type: 'varchar', length: '64' },
        { name: 'content', type: 'text' },
      ],
    });
    await queryRunner.createTable(account);
    await queryRunner.createTable(outbox);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('outbox');
    await queryRunner.dropTable('account');
  }
}
