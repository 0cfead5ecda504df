import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';
import { Ledger, TABLES, bootstrap } from './without-typeorm.js';

@Injectable()
class PrismaLedger extends Ledger implements OnModuleInit {
  private readonly prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString: String(process.env.DATABASE_URL) }),
  });

  async onModuleInit(): Promise<void> {
    for (const table of TABLES) await this.prisma.$executeRawUnsafe(table);
  }

  override async activate(deliveryId: string, sessionId: string): Promise<void> {
    await this.prisma.$transaction(async (tx) => {
      const { count } = await tx.handledDelivery.createMany({ data: [{ deliveryId }], skipDuplicates: true });
      if (count === 0) return; // done by an earlier run
      const where = { sessionId };
      await tx.account.upsert({
        where,
        create: { sessionId, activations: 1 },
        update: { activations: { increment: 1 } },
      });
    });
  }

  override async activationsOf(sessionId: string): Promise<number> {
    const account = await this.prisma.account.findUnique({ where: { sessionId } });
    return account?.activations ?? 0;
  }

  override onApplicationShutdown(): Promise<unknown> {
    return this.prisma.$disconnect();
  }
}

void bootstrap(PrismaLedger);
