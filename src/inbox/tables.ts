import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { raw, type Sql } from '../database/sql.js';
import { Delivery } from './delivery.entity.js';
import { DeliveryStateRow } from './delivery-state.entity.js';
import { EncryptionKeyRow } from './encryption-key.entity.js';
import { HandlerRun } from './handler-run.entity.js';
import { HandlerSetRow } from './handler-set.entity.js';
import { Rejection } from './rejection.entity.js';
import { TaskRow } from './task.entity.js';

/** Tables as the host's DataSource names them, with its schema and its prefix. */
export class Tables {
  /** Facts of deliveries. */
  readonly delivery: Sql;
  /** What changes of them. */
  readonly deliveryState: Sql;
  readonly handlerRun: Sql;
  readonly handlerSet: Sql;
  readonly rejection: Sql;
  readonly key: Sql;
  readonly task: Sql;

  constructor(host: DataSource) {
    this.delivery = raw(nameOf(host, Delivery));
    this.deliveryState = raw(nameOf(host, DeliveryStateRow));
    this.handlerRun = raw(nameOf(host, HandlerRun));
    this.handlerSet = raw(nameOf(host, HandlerSetRow));
    this.rejection = raw(nameOf(host, Rejection));
    this.key = raw(nameOf(host, EncryptionKeyRow));
    this.task = raw(nameOf(host, TaskRow));
  }

  /** Tells this inbox from others in one database, also between versions: locks and notifications have it in their names. */
  get namespace(): string {
    return [this.delivery, this.deliveryState, this.handlerRun, this.rejection]
      .map(({ strings }) => strings.join(''))
      .join(', ');
  }

  /** Names of the tables of deliveries and rejections, for a log line. */
  get names(): string {
    return this.namespace;
  }
}

function nameOf(host: DataSource, entity: EntityTarget<ObjectLiteral>): string {
  const path = host.getMetadata(entity).tablePath.split('.');
  return path.map((part) => host.driver.escape(part)).join('.');
}
