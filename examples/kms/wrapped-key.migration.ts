import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

export class WrappedKeys1795392000006 implements MigrationInterface {
  readonly name = 'WrappedKeys1795392000006';

  async up(queryRunner: QueryRunner): Promise<void> {
    const columns = [
      { name: 'id', type: 'varchar', length: '64', isPrimary: true },
      { name: 'tenant', type: 'varchar', length: '64' },
      { name: 'wrapped', type: 'varchar', length: '255', isNullable: true },
    ];
    await queryRunner.createTable(new Table({ name: 'wrapped_key', columns }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('wrapped_key');
  }
}
