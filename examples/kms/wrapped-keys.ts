import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { KeyProvider, type EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { randomBytes } from 'node:crypto';
import { Repository } from 'typeorm';
import { FakeKeyService, KeyService } from './key-service.js';
import { WrappedKey } from './wrapped-key.entity.js';

/** Has a key for each tenant and month. The module asks it seldom: it keeps keys in memory. */
@Injectable()
export class WrappedKeys extends KeyProvider {
  constructor(
    @InjectRepository(WrappedKey) private readonly table: Repository<WrappedKey>,
    private readonly service: KeyService,
  ) {
    super();
  }

  /** The first instance that needs the key of a month makes it. */
  async currentKey(tenant: string): Promise<EncryptionKey> {
    const id = `${tenant}-${new Date().toISOString().slice(0, 7)}`;
    if (!(await this.table.existsBy({ id }))) {
      const wrapped = await this.service.wrap(randomBytes(32));
      await this.table.createQueryBuilder().insert().values({ id, tenant, wrapped }).orIgnore().execute();
    }
    const key = await this.key(id);
    if (!key) throw new Error(`The keys of the tenant "${tenant}" were destroyed.`);
    return key;
  }

  async key(id: string): Promise<EncryptionKey | null> {
    const found = await this.table.findOneBy({ id });
    if (!found) throw new Error(`There is no key "${id}".`); // not null: it may be the wrong table
    return found.wrapped === null ? null : { id, value: await this.service.unwrap(found.wrapped) };
  }

  /** Backups of this table have the keys still: let them expire soon, or keep the table in a database of its own. */
  override async destroy(tenant: string): Promise<void> {
    await this.table.update({ tenant }, { wrapped: null });
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([WrappedKey])],
  providers: [WrappedKeys, { provide: KeyService, useClass: FakeKeyService }],
  exports: [WrappedKeys],
})
export class WrappedKeysModule {}
