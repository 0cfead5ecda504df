import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { raw, type Sql } from '../database/sql.js';
import { ActionRow } from './action.entity.js';
import { AttemptRow } from './attempt.entity.js';
import { BulkRow } from './bulk.entity.js';
import { Delivery } from './delivery.entity.js';
import { DeliveryStateRow } from './delivery-state.entity.js';
import { EncryptionKeyRow } from './encryption-key.entity.js';
import { ErasureRow } from './erasure.entity.js';
import { HandlerRun } from './handler-run.entity.js';
import { HandlerSetRow } from './handler-set.entity.js';
import { InstanceRow } from './instance.entity.js';
import { Rejection } from './rejection.entity.js';
import { SecretUseRow } from './secret-use.entity.js';
import { TallyRow } from './tally.entity.js';
import { TaskRow } from './task.entity.js';

/** Tables as the host's DataSource names them, with its schema and its prefix. */
export class Tables {
  /** Facts of deliveries. */
  readonly delivery: Sql;
  /** States of deliveries, which change. */
  readonly deliveryState: Sql;
  readonly handlerRun: Sql;
  readonly handlerSet: Sql;
  readonly rejection: Sql;
  readonly key: Sql;
  readonly task: Sql;
  readonly erasure: Sql;
  readonly action: Sql;
  readonly bulk: Sql;
  readonly attempt: Sql;
  readonly tally: Sql;
  readonly instance: Sql;
  readonly secretUse: Sql;

  constructor(host: DataSource) {
    this.delivery = raw(nameOf(host, Delivery));
    this.deliveryState = raw(nameOf(host, DeliveryStateRow));
    this.handlerRun = raw(nameOf(host, HandlerRun));
    this.handlerSet = raw(nameOf(host, HandlerSetRow));
    this.rejection = raw(nameOf(host, Rejection));
    this.key = raw(nameOf(host, EncryptionKeyRow));
    this.task = raw(nameOf(host, TaskRow));
    this.erasure = raw(nameOf(host, ErasureRow));
    this.action = raw(nameOf(host, ActionRow));
    this.bulk = raw(nameOf(host, BulkRow));
    this.attempt = raw(nameOf(host, AttemptRow));
    this.tally = raw(nameOf(host, TallyRow));
    this.instance = raw(nameOf(host, InstanceRow));
    this.secretUse = raw(nameOf(host, SecretUseRow));
  }

  /**
   * Tells this inbox from others in one database, also between versions: locks and notifications have it in their
   * names.
   */
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
