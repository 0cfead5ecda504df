import type { MigrationInterface, QueryRunner, Table } from 'typeorm';
import { optional, time, typesOf } from './columns.js';
import { historyTables } from './history.tables.js';
import { withMigrationLock } from './migration.lock.js';

/** Creates the tables of the inbox. It changes no table that exists already. */
export class Cr3dentialsWebhookInitial1795392000000 implements MigrationInterface {
  readonly name = 'Cr3dentialsWebhookInitial1795392000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await withMigrationLock(queryRunner, async () => {
      for (const table of await tables(queryRunner)) await queryRunner.createTable(table, true);
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of (await tables(queryRunner)).toReversed()) await queryRunner.dropTable(table, true);
  }
}

async function tables(queryRunner: QueryRunner): Promise<Table[]> {
  const types = await typesOf(queryRunner);
  const { prefix, isMySql, exact, hash, id, sha256, keyId, text, body, count, where, table } = types;

  return [
    table(
      'cr3dentials_webhook_delivery',
      [
        { ...id('id'), isPrimary: true },
        sha256('idempotency_key'),
        text('tenant', 255),
        text('session_id', 512),
        text('status', 32),
        { name: 'platform_id', type: isMySql ? 'double' : 'double precision' },
        optional(text('external_reference_id', 512)),
        body('raw_body'),
        sha256('fingerprint'),
        time('received_at'),
        optional(sha256('reference_key')),
        optional(keyId),
        optional({ name: 'trace_context', type: 'varchar', length: '55', ...hash }),
      ],
      [
        { name: `${prefix}cr3dentials_webhook_delivery_by_session`, columnNames: ['idempotency_key'], isUnique: true },
        {
          name: `${prefix}cr3dentials_webhook_delivery_by_tenant`,
          columnNames: ['tenant', 'id'],
          ...where(`tenant <> ''`),
        },
        {
          name: `${prefix}cr3dentials_webhook_delivery_by_reference`,
          columnNames: ['external_reference_id'],
          ...where('external_reference_id IS NOT NULL'),
        },
        {
          name: `${prefix}cr3dentials_webhook_delivery_by_reference_key`,
          columnNames: ['reference_key'],
          ...where('reference_key IS NOT NULL'),
        },
      ],
    ),
    table(
      'cr3dentials_webhook_delivery_state',
      [
        { ...id('delivery_id'), isPrimary: true },
        text('state', 16),
        optional(text('reason', 32)),
        count('dispatches'),
        count('rescues'),
        count('replays'),
        count('only_named_handlers'),
        optional({ name: 'expected_handlers', type: 'text', ...exact }),
        optional(time('next_attempt_at')),
        optional({ name: 'claim_id', type: 'varchar', length: '64', ...hash }),
        optional(time('lease_expires_at')),
        count('duplicates'),
        optional(time('last_duplicate_at')),
        optional(time('finished_at')),
        optional(time('purged_at')),
        optional({ name: 'replay_trace_context', type: 'varchar', length: '55', ...hash }),
      ],
      [
        {
          name: `${prefix}cr3dentials_webhook_delivery_due`,
          columnNames: ['next_attempt_at'],
          ...where('next_attempt_at IS NOT NULL'),
        },
        {
          name: `${prefix}cr3dentials_webhook_delivery_expired`,
          columnNames: ['lease_expires_at'],
          ...where('lease_expires_at IS NOT NULL'),
        },
        {
          name: `${prefix}cr3dentials_webhook_delivery_finished`,
          columnNames: ['finished_at'],
          ...where('finished_at IS NOT NULL'),
        },
        {
          // In-flight states are left out, because every receipt and claim would have to enter them. The two above find
          // them.
          name: `${prefix}cr3dentials_webhook_delivery_by_state`,
          columnNames: ['state', 'delivery_id'],
          ...where(`state IN ('dead', 'unhandled', 'discarded', 'erased')`),
        },
      ],
    ),
    table(
      'cr3dentials_webhook_handler_run',
      [
        { ...id('delivery_id'), isPrimary: true },
        { ...text('handler', 255), isPrimary: true },
        text('state', 16),
        count('attempts'),
        optional(time('next_attempt_at')),
        optional({ name: 'last_error', type: 'text', ...exact }),
        time('updated_at'),
        optional({ name: 'claim_id', type: 'varchar', length: '64', ...hash }),
        count('claims'),
        count('rescues'),
      ],
      [],
    ),
    table(
      'cr3dentials_webhook_handler_set',
      [
        { ...sha256('fingerprint'), isPrimary: true },
        { name: 'handlers', type: 'text', ...exact },
        time('recorded_at'),
      ],
      [],
    ),
    table(
      'cr3dentials_webhook_rejection',
      [
        { ...id('id'), isPrimary: true },
        sha256('fingerprint'),
        text('reason', 32),
        { name: 'detail', type: 'text', ...exact },
        body('raw_body'),
        text('tenant', 255),
        optional(text('session_id', 512)),
        count('repeats'),
        text('state', 16),
        time('first_received_at'),
        time('last_received_at'),
        optional(sha256('session_key')),
        optional(sha256('reference_key')),
        optional(keyId),
      ],
      [
        { name: `${prefix}cr3dentials_webhook_rejection_repeated`, columnNames: ['fingerprint'], isUnique: true },
        { name: `${prefix}cr3dentials_webhook_rejection_by_state`, columnNames: ['state', 'id'] },
        {
          name: `${prefix}cr3dentials_webhook_rejection_by_session_key`,
          columnNames: ['session_key'],
          ...where('session_key IS NOT NULL'),
        },
        {
          name: `${prefix}cr3dentials_webhook_rejection_by_reference_key`,
          columnNames: ['reference_key'],
          ...where('reference_key IS NOT NULL'),
        },
      ],
    ),
    table(
      'cr3dentials_webhook_key',
      [
        { ...keyId, isPrimary: true },
        { ...text('tenant', 255), isPrimary: true },
        { name: 'lookup', type: 'text', ...exact },
        time('first_used_at'),
        time('last_used_at'),
        optional(time('retired_at')),
      ],
      [],
    ),
    table(
      'cr3dentials_webhook_task',
      [
        { ...text('name', 32), isPrimary: true },
        optional(text('owner', 64)),
        time('lease_expires_at'),
        optional({ name: 'progress', type: 'text', ...exact }),
      ],
      [],
    ),
    table(
      'cr3dentials_webhook_erasure',
      [
        { ...id('id'), isPrimary: true },
        text('kind', 16),
        optional(text('tenant', 255)),
        body('session_keys'),
        body('rejection_ids'),
        { name: 'unsearchable', type: 'text', ...exact },
        optional({ name: 'reason', type: 'text', ...exact }),
        optional({ name: 'requested_by', type: 'text', ...exact }),
        count('shred'),
        text('state', 16),
        count('deliveries'),
        count('rejections'),
        count('unprocessed'),
        count('interrupted'),
        time('requested_at'),
        optional(time('finished_at')),
        time('sweep_after'),
        optional(time('swept_at')),
      ],
      [{ name: `${prefix}cr3dentials_webhook_erasure_due`, columnNames: ['state', 'sweep_after'] }],
    ),
    ...historyTables(types),
  ];
}
