import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { parseBullMqExtras, parseBullMqOptions } from '../../../src/bullmq/bullmq.options.js';

const connection = { host: 'redis' };
const remote = { id: 'reports.render', events: [VerificationCompleted], queue: 'reports' };

describe('the options of BullMQ', () => {
  it.each<[string, object, RegExp]>([
    ['a client of Redis', { connection: new Redis({ lazyConnect: true }) }, /"connection" is a client of Redis/],
    [
      'a URL of something else',
      { connection: { url: 'https://secret' } },
      /"connection.url" must begin with redis:\/\//,
    ],
    ['a prefix with a colon', { prefix: 'a:b' }, /"prefix" must be/],
    ['half a pair of braces', { prefix: '{bull' }, /"prefix" must be/],
    ['failed jobs without an age', { keepFailed: { count: 1 } }, /"keepFailed.age" must be a whole number/],
    [
      'a remote handler without events',
      { remoteHandlers: [{ ...remote, events: undefined }] },
      /\[0\].events" must be an array/,
    ],
    [
      'one with an event that is none',
      { remoteHandlers: [{ ...remote, events: [Date] }] },
      /events\[0\]" must be the class/,
    ],
    ['one without a queue', { remoteHandlers: [{ ...remote, queue: undefined }] }, /\[0\].queue" must be/],
    ['one without an id', { remoteHandlers: [{ ...remote, id: undefined }] }, /\[0\].id" must be/],
  ])('refuse %s, with the remedy and without a secret', (_, options, message) => {
    const parse = () => parseBullMqOptions({ connection, ...options });
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/secret/);
  });

  it.each<[string, object, RegExp]>([
    ['no queue', { queues: {} }, /names no queue/],
    ['a queue without a name', { queues: { '': {} } }, /string that is not empty/],
    ['half a limiter', { queues: { reports: { limiter: { max: 1 } } } }, /"queues.reports.limiter.duration" must be/],
    [
      'the name of a queue in place of a list',
      { queues: { reports: {} }, work: 'reports' },
      /"work" must be true, false or/,
    ],
    ['work on a queue that there is not', { queues: { reports: {} }, work: ['mails'] }, /names the queue "mails"/],
  ])('refuse %s', (_, extras, message) => {
    expect(() => parseBullMqExtras(extras as never)).toThrow(message);
  });

  it('read a URL, against which an option wins', () => {
    const url = 'rediss://app:p%40ss@redis.example:6380/3';
    const read = { host: 'redis.example', port: 6380, username: 'app', password: 'p@ss', db: 3, tls: true };
    expect(parseBullMqOptions({ connection: { url } }).connection).toEqual(read);
    const tls = { rejectUnauthorized: false };
    expect(parseBullMqOptions({ connection: { url, db: 4, tls } }).connection).toEqual({ ...read, db: 4, tls });
  });

  it('read the options in the query of a URL, as ioredis does', () => {
    const url = 'redis://redis.example/2?family=6&connectionName=inbox&tls=RedisCloudFixed';
    const { options } = new Redis(url, { lazyConnect: true });
    const { host, port, db, family, connectionName, tls } = options;
    expect([family, connectionName, Object.keys(tls ?? {})]).toEqual([6, 'inbox', ['ca']]);
    const read = { host, port, db, family, connectionName, tls };
    expect(parseBullMqOptions({ connection: { url } }).connection).toEqual(read);
    expect(parseBullMqOptions({ connection: { url, family: 4 } }).connection).toEqual({ ...read, family: 4 });
  });

  it.each(['bull', '{bull}', 'app-1.x_y'])('take the prefix %s', (prefix) => {
    expect(parseBullMqOptions({ connection, prefix }).prefix).toBe(prefix);
  });
});
