import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import type {
  Cr3dentialsWebhookOptions,
  Cr3dentialsWebhookOptionsFactory,
  ResolvedSecrets,
} from 'nestjs-cr3dentials-webhook';
import { Repository } from 'typeorm';
import { TenantSecret } from './tenant-secret.entity.js';

/** Makes the options of the module. The secrets of a tenant are read from the database for each request. */
@Injectable()
export class TenantSecrets implements Cr3dentialsWebhookOptionsFactory {
  constructor(@InjectRepository(TenantSecret) private readonly secrets: Repository<TenantSecret>) {}

  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions {
    return { auth: { resolveSecrets: ({ params }) => this.of(params.tenant) } };
  }

  /** Returns undefined for an unknown tenant. The module then answers 401, as it does for a wrong secret. */
  private async of(tenant: string | undefined): Promise<ResolvedSecrets | undefined> {
    if (!tenant) return undefined;
    const secrets = await this.secrets.findBy({ tenant });
    const [first] = secrets;
    if (!first) return undefined;
    return {
      tenant: first.tenant, // as it is stored: to some databases "ACME" is "acme" too, and each would be a tenant
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
