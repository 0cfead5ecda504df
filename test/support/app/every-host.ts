import type { NestExpressApplication } from '@nestjs/platform-express';
import { freshDatabase, servers, type DatabaseKind, type TestDatabase } from '../database/databases.js';
import { rawPost, said, type RawPost } from '../http/raw-post.js';
import { platforms, webhookApp, type Platform, type WebhookApp, type WebhookAppBuilder } from './webhook-app.js';

/** So many posts of one host are under way at a time. */
const AT_ONCE = 32;

export type NamedPost = RawPost & { readonly name: string };
export type Said = ReturnType<typeof said>;

/** What one post was answered where hosts do not agree. */
export interface Disagreement {
  readonly name: string;
  readonly answers: Record<string, Said>;
}

export interface Comparison {
  /** How many posts were answered so, by every host. */
  readonly statuses: Record<number, number>;
  readonly disagreements: Disagreement[];
}

export interface Host {
  readonly name: string;
  readonly database: TestDatabase;
  readonly app: WebhookApp;
}

/** The same app on every database and platform, with the same largest body. */
export class EveryHost {
  private constructor(readonly hosts: readonly Host[]) {}

  static async start(
    built: (builder: WebhookAppBuilder, platform: Platform, kind: DatabaseKind) => WebhookAppBuilder = (b) => b,
  ): Promise<EveryHost> {
    const hosts: Host[] = [];
    for (const kind of ['sqlite', ...servers] as const) {
      for (const platform of platforms) {
        const database = await freshDatabase(kind);
        const builder = webhookApp(database)
          .on(platform)
          .withOptions({ processing: { pollInterval: 1_000 } })
          .configured((host) => {
            if (platform !== 'express') return;
            // As Fastify has both without being told.
            (host as NestExpressApplication).useBodyParser('json', { limit: '1mb' });
            (host as NestExpressApplication).getHttpServer().keepAliveTimeout = 72_000;
          });
        hosts.push({ name: `${kind} and ${platform}`, database, app: await built(builder, platform, kind).start() });
      }
    }
    return new EveryHost(hosts);
  }

  async compare(posts: readonly NamedPost[]): Promise<Comparison> {
    const all = await Promise.all(
      this.hosts.map(async ({ name, app }) => [name, await answersOf(app, posts)] as const),
    );
    const statuses: Record<number, number> = {};
    const disagreements: Disagreement[] = [];
    for (const [index, { name }] of posts.entries()) {
      const answers = Object.fromEntries(all.map(([host, of]) => [host, of[index] as Said]));
      const [first, ...others] = Object.values(answers);
      if (!first || others.some((other) => !isSame(first, other))) disagreements.push({ name, answers });
      else statuses[first.status] = (statuses[first.status] ?? 0) + 1;
    }
    return { statuses, disagreements };
  }

  async stop(): Promise<void> {
    for (const { app, database } of this.hosts) {
      await app.stop();
      await database.drop();
    }
  }
}

export async function answersOf(app: WebhookApp, posts: readonly NamedPost[]): Promise<Said[]> {
  const answers: Said[] = [];
  let next = 0;
  const send = async (): Promise<void> => {
    for (let index = next++; index < posts.length; index = next++)
      answers[index] = said(await rawPost(app.url, posts[index] as NamedPost));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return answers;
}

function isSame(one: Said, other: Said): boolean {
  return one.status === other.status && one.body === other.body && one.type === other.type;
}
