import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import manifest from '../../package.json' with { type: 'json' };
import { verificationStatuses, type VerificationStatus } from '../contract/verification-status.js';
import { verificationPayload } from '../testing/verification-payload.js';
import { duration, fraction, positive, secretFrom, wholeFrom } from './arguments.js';
import { Campaign } from './campaign.js';
import { plan, sharesOf, type Planned } from './plan.js';
import { Progress } from './progress.js';
import { storedPayloads } from './stored-payloads.js';
import { summaryTable } from './summary.table.js';
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

/** The command line: `simulate`, `payload` and `resend`. */
export function program(): Command {
  const root = new Command('nestjs-cr3dentials-webhook')
    .description('The provider in a box: sends what Cr3dentials would, to an endpoint of yours.')
    .version(manifest.version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withoutSecrets(text)) });

  const simulate = root.command('simulate').description('make deliveries, with retries as the provider makes them');
  sending(simulate, 10);
  content(simulate)
    .option('--count <n>', 'how many deliveries', wholeFrom(1), 1)
    .option('--duplicates <part>', 'part of them that repeats an earlier one, such as 0.1', fraction, 0)
    .option('--conflicts <part>', 'part of them that contradicts an earlier one', fraction, 0)
    .action((options: Simulation) => simulation(options));

  content(root.command('payload').description('print one payload')).action(printPayload);

  const resend = root.command('resend').description('deliver stored payloads, in their order');
  resend.argument('<file>', 'one JSON object, or one on each line; - for the standard input');
  sending(resend, 1).action(resending);
  return root;
}

function sending(command: Command, concurrency: number): Command {
  return command
    .requiredOption('--url <url>', 'the endpoint')
    .option('--header <name>', 'name of the header that carries the secret (default: X-API-Key)')
    .option('--secret-env <variable>', 'name of the environment variable that holds the secret')
    .option('--concurrency <n>', 'connections at the same time', wholeFrom(1), concurrency)
    .option('--rate <n>', 'deliveries begun per second (default: as many as are taken)', positive)
    .option('--retries <n>', 'how often a failed delivery is sent again', wholeFrom(0), 3)
    .addOption(
      new Option('--backoff <time>', 'delay before the first retry; each one after it doubles')
        .argParser(duration)
        .default(1_000, '1s'),
    )
    .addOption(new Option('--timeout <time>', 'how long an answer may take').argParser(duration).default(30_000, '30s'))
    .option('--json', 'print the result as JSON');
}

function content(command: Command): Command {
  const status = new Option('--status <status>', 'status of the sessions').choices(verificationStatuses);
  return command
    .addOption(status.default('COMPLETED'))
    .option('--session <id>', 'the session that all of it is about')
    .option('--platform <id>', 'id of the platform, which decides what the data looks like', wholeFrom(0))
    .option('--seed <seed>', 'the same seed gives the same payloads');
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
  const shares = sharesOf(planned);
  if (shares.sessions < 1 || shares.duplicates < 0)
    throw new UsageError('--duplicates and --conflicts leave no delivery that could be repeated. Lower them.');
  const { duplicates, conflicts } = shares;
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
    throw new UsageError('--header needs --secret-env, the name of the environment variable that holds its value.');
  const campaign = new Campaign({
    endpoint: { url, header, secret, retries, timeout, initialDelay },
    concurrency,
    rate,
  });
  const progress = new Progress(process.stderr, total);
  const report = () => {
    progress.stop();
    const summary = campaign.tally.summary();
    process.stdout.write(`${options.json ? JSON.stringify({ ...summary, ...more }) : summaryTable(summary, more)}\n`);
    return summary;
  };
  process.once('SIGINT', () => {
    report();
    process.exit(130);
  });
  await campaign.run(planned, () => progress.advance());
  if (report().failed > 0) process.exitCode = 1;
}

/** Whoever passes a secret must not read it in the answer, nor be led to another option that would print it. */
function withoutSecrets(text: string): string {
  return text.startsWith("error: unknown option '--secret")
    ? 'error: A secret is not passed on the command line. Export it, and name its variable with --secret-env.\n'
    : text.replace(/(unknown option '-[^=']*)=[^\n]*/, "$1'");
}
