// For hosts whose entities are found by globs: TypeORM takes classes out of exported lists.
export { cr3dentialsWebhookEntities } from 'nestjs-cr3dentials-webhook/migrations';
