import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';
import { accountTable } from '../environment.js';

export class Accounts1795392000001 implements MigrationInterface {
  readonly name = 'Accounts1795392000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = new Table({
      name: accountTable,
      columns: [
        { name: 'session_id', type: 'varchar', length: '255', isPrimary: true },
        { name: 'activations', type: 'int' },
      ],
    });
    await queryRunner.createTable(table);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(accountTable);
  }
}
