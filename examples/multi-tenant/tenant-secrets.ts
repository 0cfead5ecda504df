import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import type {
  Cr3dentialsWebhookOptions,
  Cr3dentialsWebhookOptionsFactory,
  ResolvedSecrets,
} from 'nestjs-cr3dentials-webhook';
import { Repository } from 'typeorm';
import { TenantSecret } from './tenant-secret.entity.js';

/** Makes the module's options: who may post is asked of the database, for every request. */
@Injectable()
export class TenantSecrets implements Cr3dentialsWebhookOptionsFactory {
  constructor(@InjectRepository(TenantSecret) private readonly secrets: Repository<TenantSecret>) {}

  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions {
    return { auth: { resolveSecrets: ({ params }) => this.of(params.tenant) } };
  }

  /** Nothing for a tenant that there is not: it is answered 401 as a wrong secret is. */
  private async of(tenant: string | undefined): Promise<ResolvedSecrets | undefined> {
    if (!tenant) return undefined;
    const secrets = await this.secrets.findBy({ tenant });
    if (secrets.length === 0) return undefined;
    return {
      tenant,
      secrets: secrets.map(({ id, value, notAfter }) => ({ id, value, ...(notAfter && { notAfter }) })),
    };
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([TenantSecret])],
  providers: [TenantSecrets],
  exports: [TenantSecrets],
})
export class TenantSecretsModule {}
