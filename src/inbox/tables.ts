import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { Delivery } from './delivery.entity.js';
import { HandlerRun } from './handler-run.entity.js';
import { Rejection } from './rejection.entity.js';
import { raw, type Sql } from '../database/sql.js';

/** The tables as the host's DataSource names them: with its schema and its prefix. */
export interface Tables {
  readonly delivery: Sql;
  readonly handlerRun: Sql;
  readonly rejection: Sql;
}

export function tablesOf(dataSource: DataSource): Tables {
  const named = (entity: EntityTarget<ObjectLiteral>) =>
    raw(
      dataSource
        .getMetadata(entity)
        .tablePath.split('.')
        .map((part) => dataSource.driver.escape(part))
        .join('.'),
    );
  return { delivery: named(Delivery), handlerRun: named(HandlerRun), rejection: named(Rejection) };
}
