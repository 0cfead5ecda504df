import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const packageFile = createRequire(import.meta.url).resolve('nestjs-cr3dentials-webhook/package.json');
/** The folder of the package with the alert rules and the dashboard. */
export const observability = join(dirname(packageFile), 'observability');

export interface PrometheusSettings {
  /** Name or path of the program. */
  readonly program: string;
  readonly port: number;
  /** Its configuration and its data are there. */
  readonly folder: string;
  /** Ports on this machine where OpenTelemetry answers it. */
  readonly scraped: readonly number[];
  /** File of the alert rules. @default that of the package */
  readonly rules?: string;
  /** How often it scrapes, and evaluates the rules. @default '5s' */
  readonly interval?: string;
}

/**
 * Starts a Prometheus that scrapes the app, with the alert rules of the package. OpenTelemetry's own exporter leaves
 * units out of the names of metrics; the file for that is in the package too.
 *
 * @throws Error with the code ENOENT where the program is not installed
 */
export async function startPrometheus(settings: PrometheusSettings): Promise<ChildProcess> {
  const { program, port, folder } = settings;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, configurationOf(settings));
  const data = `--storage.tsdb.path=${join(folder, 'data')}`;
  const flags = [`--config.file=${file}`, data, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'];
  const child = spawn(program, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  return child;
}

function configurationOf({ scraped, rules, interval = '5s' }: PrometheusSettings): string {
  const relabeling = readFileSync(join(observability, 'prometheus-relabel.yml'), 'utf8');
  return `global: { scrape_interval: ${interval}, evaluation_interval: ${interval} }
rule_files: ['${resolve(rules ?? join(observability, 'prometheus-alerts.yml'))}']
scrape_configs:
  - job_name: cr3dentials-webhook
    static_configs: [{ targets: [${scraped.map((port) => `'127.0.0.1:${port}'`).join(', ')}] }]
${relabeling.replaceAll(/^(?=.)/gm, '    ')}`;
}
