import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

export class DemoAccounts1795392000001 implements MigrationInterface {
  readonly name = 'DemoAccounts1795392000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = new Table({
      name: 'demo_account',
      columns: [
        { name: 'session_id', type: 'varchar', length: '512', isPrimary: true },
        { name: 'status', type: 'varchar', length: '32' },
        { name: 'activations', type: 'int' },
      ],
    });
    await queryRunner.createTable(table, true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('demo_account', true);
  }
}
