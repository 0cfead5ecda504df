import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** The one that the command line names. */
export function platform(): AbstractHttpAdapter {
  return process.argv.includes('fastify') ? new FastifyAdapter() : new ExpressAdapter();
}
