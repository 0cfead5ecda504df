/** Serves the built app through each adapter of a serverless platform, and writes what came of it, a line of JSON each. */
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccountsController } from './dist/accounts.controller.js';
import { AppModule } from './dist/app.module.js';
import { adapter, configure } from './dist/global.js';

const require = createRequire(import.meta.url);
const { CR3D_WEBHOOK_SECRET: secret } = process.env;
const lambdaOf = {
  express: {
    'serverless-http': (server) => require('serverless-http')(server),
    '@codegenie/serverless-express': (app) => require('@codegenie/serverless-express')({ app }),
    '@vendia/serverless-express': (app) => require('@vendia/serverless-express')({ app }),
  },
  fastify: {
    'serverless-http': (server) => require('serverless-http')(server),
    '@fastify/aws-lambda': (server) => require('@fastify/aws-lambda').default(server),
  },
};

/** A POST as the API gateway of AWS hands it on, in its version 2. */
function event(body, headers) {
  const path = '/api/webhook/cr3dentials';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers: { host: 'localhost', 'content-type': 'application/json', 'content-length': `${body.length}`, ...headers },
    requestContext: { stage: '$default', http: { method: 'POST', path, sourceIp: '127.0.0.1', protocol: 'HTTP/1.1' } },
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
  };
}

async function settled(accounts, sessionId) {
  for (const giveUpAt = performance.now() + 10_000; performance.now() < giveUpAt; await sleep(20)) {
    const { delivery, calls } = await accounts.find(sessionId);
    if (delivery?.finishedAt) return { delivery, calls };
  }
  throw new Error('It has not settled.');
}

async function boot(toLambda) {
  const app = configure(await NestFactory.create(AppModule, adapter(), { rawBody: true, logger: ['error'] }));
  await app.init();
  const server = app.getHttpAdapter().getInstance();
  const lambda = toLambda(server);
  if (process.env.PLATFORM === 'fastify') await server.ready();
  return { app, lambda, accounts: app.get(AccountsController) };
}

/** Numbers of the attempts that a handler was called with. */
const attemptsOf = (calls, handler) => calls.filter(({ by }) => by === handler).map(({ attempt }) => attempt);

/** Closes the app in the middle of a handler. The next app calls it again. */
async function interrupt({ app, lambda }, toLambda) {
  const sessionId = randomUUID();
  process.env.HOLD = 'true';
  const { log } = console;
  const held = new Promise((resolve) => {
    console.log = (line) => (line === `Holding ${sessionId}` ? resolve() : log(line));
  });
  const body = JSON.stringify({ sessionId, status: 'TERMINATED', platformId: 1 });
  await lambda(event(body, { 'x-api-key': secret }), {});
  await held;
  await app.close();
  console.log = log;
  delete process.env.HOLD;
  const next = await boot(toLambda);
  const { calls } = await settled(next.accounts, sessionId);
  await next.app.close();
  return attemptsOf(calls, 'end');
}

for (const [name, toLambda] of Object.entries(lambdaOf[process.env.PLATFORM])) {
  const host = await boot(toLambda);
  const post = async (body, key) => {
    const { statusCode, body: answer } = await host.lambda(event(body, key && { 'x-api-key': key }), {});
    return `${statusCode} ${answer}`;
  };
  const sessionId = randomUUID();
  const body = JSON.stringify({ sessionId, status: 'COMPLETED', platformId: 1 });
  const answers = [await post(body, secret), await post(body, secret)];
  const { state, rawBody } = (await settled(host.accounts, sessionId)).delivery;
  const others = [await post(body, 'wrong'), await post(body), await post('{', secret)];
  const statuses = others.map((answer) => answer.slice(0, 3));
  const failing = { sessionId: randomUUID(), status: 'ERROR', platformId: 1 };
  await post(JSON.stringify(failing), secret);
  const retried = attemptsOf((await settled(host.accounts, failing.sessionId)).calls, 'release');
  const interrupted = await interrupt(host, toLambda);
  console.log(JSON.stringify({ name, answers, state, isWhole: rawBody === body, statuses, retried, interrupted }));
}
