import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';

export class TenantSecrets1795392000002 implements MigrationInterface {
  readonly name = 'TenantSecrets1795392000002';

  async up(queryRunner: QueryRunner): Promise<void> {
    const columns = [
      { name: 'tenant', type: 'varchar', length: '64', isPrimary: true },
      { name: 'id', type: 'varchar', length: '64', isPrimary: true },
      { name: 'value', type: 'varchar', length: '255' },
      { name: 'not_after', type: 'datetime', isNullable: true },
    ];
    await queryRunner.createTable(new Table({ name: 'tenant_secret', columns }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('tenant_secret');
  }
}
