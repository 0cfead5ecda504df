export { Cr3dentialsWebhookHealthModule } from './cr3dentials-webhook-health.module.js';
export { Cr3dentialsWebhookHealth } from './cr3dentials-webhook.health.js';
