import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/network/free-port.js';
import { registerCleanup } from '../chaos/cleanup.js';
import { freePorts } from './instance.js';
import { Prometheus } from './prometheus.js';
import { SECRET } from './sender.js';

const MAIN = fileURLToPath(new URL('../../examples/observed/main.js', import.meta.url));
const TIMEOUT_MS = 60_000;
const POLL_MS = 500;

/** Starts examples/observed by its one command. Returns what is wrong with it; nothing if Prometheus sees the app. */
export async function startByOneCommand(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cr3d-example-'));
  const [ports, prometheusPort] = [await freePorts(), await freePort()];
  const example = spawn(process.execPath, [MAIN], {
    cwd: folder, // its database and that of Prometheus are there
    env: {
      ...process.env,
      CR3D_WEBHOOK_SECRET: SECRET,
      PORT: String(ports.app),
      METRICS_PORT: String(ports.metrics),
      PROMETHEUS_PORT: String(prometheusPort),
    },
    stdio: 'ignore',
  });
  const closed = once(example, 'close');
  registerCleanup(async () => {
    example.kill();
    await closed;
    rmSync(folder, { recursive: true });
  });
  const prometheus = new Prometheus(prometheusPort);
  const giveUpAt = performance.now() + TIMEOUT_MS;
  const isSeen = async (): Promise<boolean> =>
    (await prometheus.query('cr3dentials_webhook_inbox_readable == 1').catch(() => [])).length > 0;
  while (!(await isSeen())) {
    if (performance.now() > giveUpAt) return ['Prometheus does not see the app.'];
    await sleep(POLL_MS);
  }
  const rules = await prometheus.ruleNames();
  return rules.includes('Cr3dentialsWebhookUnseen') ? [] : [`Prometheus has the rules ${rules.join(', ')}.`];
}
