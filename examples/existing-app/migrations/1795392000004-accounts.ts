import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

export class Accounts1795392000004 implements MigrationInterface {
  readonly name = 'Accounts1795392000004';

  async up(queryRunner: QueryRunner): Promise<void> {
    const columns = [
      { name: 'session_id', type: 'varchar', length: '191', isPrimary: true },
      { name: 'activations', type: 'int' },
    ];
    await queryRunner.createTable(new Table({ name: 'account', columns }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('account');
  }
}
