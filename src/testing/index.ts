export { verificationPayload, type PayloadOverrides } from './payload.factory.js';
export { Cr3dentialsSimulator } from './cr3dentials.simulator.js';
export type { Cr3dentialsMisbehaviour } from './cr3dentials.misbehaviour.js';
export type { PortalAttempt, PortalDelivery } from './portal.js';
export type { Fetch, SimulatorClock, SimulatorOptions } from './simulator.options.js';
export {
  webhookTester,
  type WebhookOutcome,
  type WebhookTester,
  type WebhookTesterOptions,
  type WebhookVerdict,
} from './webhook.tester.js';
export { dashboardIsClosed } from './dashboard-is-closed.js';
