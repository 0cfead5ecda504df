import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { raw, type Sql } from '../database/sql.js';
import { Delivery } from './delivery.entity.js';
import { HandlerRun } from './handler-run.entity.js';
import { Rejection } from './rejection.entity.js';

/** Tables as the host's DataSource names them, with its schema and its prefix. */
export class Tables {
  readonly delivery: Sql;
  readonly handlerRun: Sql;
  readonly rejection: Sql;

  constructor(host: DataSource) {
    this.delivery = raw(nameOf(host, Delivery));
    this.handlerRun = raw(nameOf(host, HandlerRun));
    this.rejection = raw(nameOf(host, Rejection));
  }

  /** All names, for a log line. */
  get names(): string {
    return [this.delivery, this.handlerRun, this.rejection].map(({ strings }) => strings.join('')).join(', ');
  }
}

function nameOf(host: DataSource, entity: EntityTarget<ObjectLiteral>): string {
  const path = host.getMetadata(entity).tablePath.split('.');
  return path.map((part) => host.driver.escape(part)).join('.');
}
