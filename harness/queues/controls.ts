/** Faults of the module itself, which the campaign must notice. They are put into the built package. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = join(dirname(createRequire(import.meta.url).resolve('nestjs-cr3dentials-webhook/package.json')), 'dist');

async function methodsOf(file: string, name: string): Promise<Record<string, unknown>> {
  const module = (await import(pathToFileURL(join(dist, file)).href)) as Record<string, { prototype: object }>;
  const found = module[name];
  if (!found) throw new Error(`There is no ${name} in ${file}.`);
  return found.prototype as Record<string, unknown>;
}

function replace(methods: Record<string, unknown>, name: string, by: unknown): void {
  if (typeof methods[name] !== 'function') throw new Error(`There is no method ${name}.`);
  methods[name] = by;
}

type SqlTag = (strings: TemplateStringsArray, ...values: unknown[]) => unknown;
type Execute = (statement: unknown) => Promise<unknown>;
type Tables = { readonly handlerRun: unknown };
type Run = { readonly deliveryId: string; readonly handler: string };

export type Control = '' | 'no-recovery' | 'no-fence';

export async function applyControl(control: string): Promise<void> {
  switch (control as Control) {
    case '':
      return;
    case 'no-recovery':
      // Nobody hears that Redis has lost what it had, or that it answers again.
      return replace(await methodsOf('processing/queues/queue.core.js', 'QueueCore'), 'recover', () =>
        Promise.resolve(0),
      );
    case 'no-fence': {
      // A transaction begins and ends whoever has the run.
      const runs = await methodsOf('inbox/handler-run.repository.js', 'HandlerRunRepository');
      replace(runs, 'lock', (_: unknown, run: object) => Promise.resolve(run));
      const { sql } = (await import(pathToFileURL(join(dist, 'database/sql.js')).href)) as { sql: SqlTag };
      return replace(
        runs,
        'complete',
        async function (this: { tables: Tables }, execute: Execute, run: Run, now: number) {
          await execute(sql`UPDATE ${this.tables.handlerRun} SET state = 'completed', next_attempt_at = NULL, updated_at = ${now}
          WHERE delivery_id = ${run.deliveryId} AND handler = ${run.handler}`);
          return 'completed';
        },
      );
    }
    default:
      throw new Error(`There is no control "${control}".`);
  }
}
