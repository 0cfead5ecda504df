import type { FactoryProvider } from '@nestjs/common';
import { Client, Connection } from '@temporalio/client';

/** The connection is made by the first call, so that the app receives without Temporal. */
export const temporalClient: FactoryProvider<Client> = {
  provide: Client,
  useFactory: () => {
    const connection = Connection.lazy({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
    return new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? 'default' });
  },
};
