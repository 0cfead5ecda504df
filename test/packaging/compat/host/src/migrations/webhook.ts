// For hosts whose migrations are found by globs.
export { cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook/migrations';
