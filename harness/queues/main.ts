/**
 * Runs a campaign on handlers with queues, and exits with 1 if a delivery was lost, or had an effect twice in a
 * transaction. A control exits with 1 if nothing was noticed.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Campaign } from './campaign.js';
import type { Control } from './controls.js';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/test' },
    deliveries: { type: 'string', default: '1500' },
    seconds: { type: 'string', default: '40' },
    patience: { type: 'string', default: '120' },
    control: { type: 'string', default: '' },
  },
});

const name = `cr3d_queues_${randomBytes(4).toString('hex')}`;
const server = values.database.startsWith('postgres')
  ? ({ type: 'postgres', url: values.database } as const)
  : ({ type: 'mariadb', url: values.database } as const);
const own: DataSourceOptions =
  server.type === 'postgres'
    ? { ...server, schema: name, extra: { options: `-c search_path=${name}` } }
    : { ...server, database: name, url: values.database.replace(/\/[^/]*$/, `/${name}`) };
const keyword = server.type === 'postgres' ? 'SCHEMA' : 'DATABASE';

const admin = await new DataSource(server).initialize();
await admin.query(`CREATE ${keyword} ${name}`);
try {
  const control = values.control as Control;
  const { deliveries, seconds, patience } = values;
  const campaign = new Campaign({
    database: own,
    deliveries: Number(deliveries),
    seconds: Number(seconds),
    patience: Number(patience),
    control,
  });
  const verdict = await campaign.run();
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  const isBroken = verdict.open + verdict.lost + verdict.repeated.once > 0;
  process.exitCode = isBroken === (control === '') ? 1 : 0;
} finally {
  await admin.query(`DROP ${keyword} ${name} ${server.type === 'postgres' ? 'CASCADE' : ''}`);
  await admin.destroy();
}
