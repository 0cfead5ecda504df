/** The app of examples/observed. It exits with the harness, and decides on a rejection when the harness asks for it. */
import '../../examples/observed/telemetry.js'; // before the app
import { Cr3dentialsWebhookInbox } from 'nestjs-cr3dentials-webhook';
import { app } from '../../examples/observed/app.js';

const DECIDE = 'decide';

async function decide(): Promise<void> {
  const { rejections } = app.get(Cr3dentialsWebhookInbox);
  const [first] = await rejections.list();
  process.send?.(first ? await rejections.discard(first.id) : false);
}

process.on('message', (message) => {
  if (message === DECIDE) void decide();
});
process.on('disconnect', () => process.exit());
process.channel?.unref();
process.send?.('listens');
