import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import manifest from '../../package.json' with { type: 'json' };
import { verificationStatuses, type VerificationStatus } from '../contract/verification-status.js';
import { verificationPayload } from '../testing/payload.factory.js';
import { duration, fraction, positive, secretFrom, wholeFrom } from './arguments.js';
import { addInboxCommands } from './inbox.commands.js';
import { DeliverySender } from './delivery.sender.js';
import { plan, countsOf, type Planned } from './plan.js';
import { Progress } from './progress.js';
import { storedPayloads } from './stored-payloads.js';
import { summaryTable } from './summary.table.js';
import type { Summary } from './summary.counter.js';
import { UsageError } from './usage.error.js';

interface Sending {
  url: string;
  header?: string;
  secretEnv?: string;
  concurrency: number;
  rate?: number;
  retries: number;
  backoff: number;
  timeout: number;
  json?: true;
}

interface Content {
  status: VerificationStatus;
  session?: string;
  platform?: number;
  seed?: string;
}

interface Simulation extends Sending, Content {
  count: number;
  duplicates: number;
  conflicts: number;
}

const SIMULATE_EXAMPLES = `
Examples:
  One completed session:
    $ export CR3D_WEBHOOK_SECRET=…
    $ npx nestjs-cr3dentials-webhook simulate --url http://127.0.0.1:3000/webhook/cr3dentials --secret-env CR3D_WEBHOOK_SECRET

  A failed session of platform 3:
    $ npx nestjs-cr3dentials-webhook simulate --url http://127.0.0.1:3000/webhook/cr3dentials --secret-env CR3D_WEBHOOK_SECRET --status ERROR --platform 3

  Load, with duplicates and conflicts:
    $ npx nestjs-cr3dentials-webhook simulate --url http://127.0.0.1:3000/webhook/cr3dentials --secret-env CR3D_WEBHOOK_SECRET --count 10000 --concurrency 32 --duplicates 0.2 --conflicts 0.01

Exit codes: 0 all delivered, 1 a delivery was given up, 2 wrong arguments, 130 interrupted.`;

const PAYLOAD_EXAMPLES = `
Examples:
  A payload with other content each time:
    $ npx nestjs-cr3dentials-webhook payload

  The same payload each time, in a file:
    $ npx nestjs-cr3dentials-webhook payload --status ERROR --platform 3 --seed 7 > payload.json`;

const RESEND_EXAMPLES = `
Examples:
  The payloads of a file:
    $ npx nestjs-cr3dentials-webhook resend payload.json --url http://127.0.0.1:3000/webhook/cr3dentials --secret-env CR3D_WEBHOOK_SECRET

  A payload from the standard input:
    $ npx nestjs-cr3dentials-webhook payload | npx nestjs-cr3dentials-webhook resend - --url http://127.0.0.1:3000/webhook/cr3dentials --secret-env CR3D_WEBHOOK_SECRET

Exit codes: 0 all delivered, 1 a delivery was given up, 2 wrong arguments, 130 interrupted.`;

/** Returns the command line with its commands `simulate`, `payload`, `resend` and `inbox`. */
export function program(): Command {
  const root = new Command('nestjs-cr3dentials-webhook')
    .description('Simulates the Cr3dentials provider, and operates the inbox.')
    .version(manifest.version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withoutSecrets(text)) })
    .addHelpText('after', '\nEach command has examples: npx nestjs-cr3dentials-webhook simulate --help');

  const simulate = root.command('simulate').description('send deliveries, with retries as the provider does');
  addEndpointOptions(simulate)
    .option('--count <n>', 'number of deliveries', wholeFrom(1), 1)
    .option('--duplicates <part>', 'fraction of the deliveries that repeat an earlier one, such as 0.1', fraction, 0)
    .option('--conflicts <part>', 'fraction with other content for an earlier session', fraction, 0);
  addSendingOptions(addContentOptions(simulate), 10)
    .addHelpText('after', SIMULATE_EXAMPLES)
    .action((options: Simulation) => simulation(options));

  const payload = root.command('payload').description('print one payload as JSON');
  addContentOptions(payload).addHelpText('after', PAYLOAD_EXAMPLES).action(printPayload);

  const resend = root.command('resend').description('send stored payloads in their order, byte for byte');
  resend.argument('<file>', 'one JSON object, or one on each line; - reads the standard input');
  addSendingOptions(addEndpointOptions(resend), 1).addHelpText('after', RESEND_EXAMPLES).action(resending);
  addInboxCommands(root);
  return root;
}

function addEndpointOptions(command: Command): Command {
  return command
    .requiredOption('--url <url>', 'URL of the endpoint')
    .option('--secret-env <variable>', 'name of the environment variable with the secret (default: no header is sent)')
    .option('--header <name>', 'name of the header that carries the secret (default: X-API-Key)');
}

function addContentOptions(command: Command): Command {
  const status = new Option('--status <status>', 'status of the sessions').choices(verificationStatuses);
  return command
    .addOption(status.default('COMPLETED'))
    .option('--platform <id>', 'platformId, which decides the shape of extractedData (default: 1)', wholeFrom(0))
    .option('--session <id>', 'session id of every delivery (default: a new one each time)')
    .option('--seed <seed>', 'the same seed gives the same payloads (default: random)');
}

function addSendingOptions(command: Command, concurrency: number): Command {
  return command
    .option('--concurrency <n>', 'number of connections', wholeFrom(1), concurrency)
    .option('--rate <n>', 'deliveries started per second (default: no limit)', positive)
    .option('--retries <n>', 'how often a failed delivery is sent again', wholeFrom(0), 3)
    .addOption(
      new Option('--backoff <time>', 'delay before the first retry; it doubles for each further retry')
        .argParser(duration)
        .default(1_000, '1s'),
    )
    .addOption(new Option('--timeout <time>', 'timeout of an answer').argParser(duration).default(30_000, '30s'))
    .option('--json', 'print the result as one line of JSON');
}

function printPayload({ status, session, platform, seed }: Content): void {
  const payload = verificationPayload({
    seed,
    status,
    platformId: platform,
    ...(session !== undefined && { sessionId: session }),
  });
  process.stdout.write(`${JSON.stringify(payload, null, 2)}\n`);
}

async function simulation(options: Simulation): Promise<void> {
  const seed = options.seed ?? randomUUID();
  const planned = { ...options, platformId: options.platform, session: options.session, seed };
  const counts = countsOf(planned);
  if (counts.sessions < 1 || counts.duplicates < 0)
    throw new UsageError('--duplicates and --conflicts leave no first delivery to repeat. Lower them.');
  const { duplicates, conflicts } = counts;
  await send(options, plan(planned), options.count, { duplicates, conflicts, seed });
}

async function resending(file: string, options: Sending): Promise<void> {
  const stored = await storedPayloads(file);
  await send(options, stored, stored.length);
}

async function send(
  options: Sending,
  planned: Iterable<Planned>,
  total: number,
  more: Record<string, string | number> = {},
): Promise<void> {
  const { url, header, concurrency, rate, retries, timeout, backoff: initialDelay } = options;
  const secret = secretFrom(options.secretEnv, process.env);
  if (header !== undefined && secret === undefined)
    throw new UsageError(
      '--header needs --secret-env: the name of the environment variable with the value of the header.',
    );
  const sender = new DeliverySender({
    endpoint: { url, header, secret, retries, timeout, initialDelay },
    concurrency,
    rate,
  });
  const progress = new Progress(process.stderr, total);
  const report = () => {
    progress.stop();
    return print(sender.counter.summary(), options, more, secret !== undefined);
  };
  process.once('SIGINT', () => {
    report();
    process.exit(130);
  });
  await sender.run(planned, () => progress.advance());
  if (report().failed > 0) process.exitCode = 1;
}

/** Prints the summary of a run on the standard output, as JSON or as a table. */
function print(
  summary: Summary,
  { json }: Sending,
  more: Record<string, string | number>,
  hasSecret: boolean,
): Summary {
  const text = json ? JSON.stringify({ ...summary, ...more }) : summaryTable(summary, { more, hasSecret });
  process.stdout.write(`${text}\n`);
  return summary;
}

/**
 * Removes a secret that was passed by mistake from an error message, and the suggestion of an option that would print
 * it.
 */
function withoutSecrets(text: string): string {
  return text.startsWith("error: unknown option '--secret")
    ? 'error: Do not pass a secret on the command line. Export it, and pass the name of its variable with --secret-env.\n'
    : text.replace(/(unknown option '-[^=']*)=[^\n]*/, "$1'");
}
