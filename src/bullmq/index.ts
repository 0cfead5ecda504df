export {
  Cr3dentialsWebhookBullMqModule,
  type Cr3dentialsWebhookBullMqAsyncOptions,
} from './cr3dentials-webhook-bullmq.module.js';
export type {
  BullMqQueueOptions,
  Cr3dentialsWebhookBullMqExtras,
  Cr3dentialsWebhookBullMqOptions,
  RemoteHandlerOptions,
} from './bullmq.options.js';
export type { RedisConnectionOptions } from './redis.connection.js';
