import type { Table } from 'typeorm';
import { optional, time, type Types } from './columns.js';

/** Returns the tables of what operators and instances did. Nothing that is acknowledged depends on them. */
export function historyTables(types: Types): Table[] {
  return [...operatorTables(types), ...instanceTables(types)];
}

function operatorTables({ prefix, exact, hash, id, text, count, fraction, table }: Types): Table[] {
  return [
    table(
      'cr3dentials_webhook_action',
      [
        { ...id('id'), isPrimary: true },
        time('acted_at'),
        optional(text('operator', 255)),
        text('source', 16),
        text('action', 32),
        id('target_id'),
        text('tenant', 255),
        optional({ name: 'handlers', type: 'text', ...exact }),
        optional({ name: 'reason', type: 'text', ...exact }),
        optional(id('bulk_id')),
      ],
      [{ name: `${prefix}cr3dentials_webhook_action_by_target`, columnNames: ['target_id', 'id'] }],
    ),
    table(
      'cr3dentials_webhook_bulk',
      [
        { ...id('id'), isPrimary: true },
        text('action', 16),
        text('state', 16),
        optional(text('paused_by', 16)),
        { name: 'selection', type: 'text', ...exact },
        optional({ name: 'handlers', type: 'text', ...exact }),
        time('as_of'),
        id('cursor_id'),
        { name: 'locked_ids', type: 'text', ...exact },
        count('expected'),
        count('done'),
        count('skipped'),
        count('dead_again'),
        fraction('rate'),
        fraction('pause_at'),
        count('judged_from'),
        optional(text('operator', 255)),
        text('source', 16),
        optional({ name: 'reason', type: 'text', ...exact }),
        optional({ name: 'trace_context', type: 'varchar', length: '55', ...hash }),
        optional(id('instance')),
        time('lease_expires_at'),
        time('started_at'),
        time('judged_since'),
        time('updated_at'),
        optional(time('ended_at')),
      ],
      [{ name: `${prefix}cr3dentials_webhook_bulk_by_state`, columnNames: ['state', 'id'] }],
    ),
  ];
}

function instanceTables({ prefix, isMySql, exact, id, text, count, table }: Types): Table[] {
  return [
    table(
      'cr3dentials_webhook_attempt',
      [
        { ...id('id'), isPrimary: true },
        id('delivery_id'),
        text('handler', 255),
        count('attempt'),
        text('outcome', 16),
        time('started_at'),
        time('ended_at'),
        optional({ name: 'error', type: 'text', ...exact }),
        id('instance'),
      ],
      [{ name: `${prefix}cr3dentials_webhook_attempt_by_delivery`, columnNames: ['delivery_id', 'id'] }],
    ),
    table('cr3dentials_webhook_tally', [
      { name: 'width', type: isMySql ? 'int' : 'integer', isPrimary: true },
      { ...time('bucket'), isPrimary: true },
      { ...text('subject', 300), isPrimary: true },
      { ...id('instance'), isPrimary: true },
      { name: 'counts', type: 'text', ...exact },
    ]),
    table(
      'cr3dentials_webhook_instance',
      [
        { ...id('id'), isPrimary: true },
        text('host', 255),
        count('pid'),
        text('version', 64),
        optional(text('app_version', 64)),
        count('receives'),
        count('processes'),
        time('started_at'),
        time('heard_at'),
        optional(time('stopped_at')),
        count('in_flight'),
        count('concurrency'),
        time('clock_offset'),
        count('is_durable'),
        { name: 'handlers', type: 'text', ...exact },
        { name: 'secrets', type: 'text', ...exact },
        { name: 'settings', type: 'text', ...exact },
      ],
      [{ name: `${prefix}cr3dentials_webhook_instance_heard`, columnNames: ['heard_at'] }],
    ),
    table('cr3dentials_webhook_secret_use', [
      { ...text('tenant', 255), isPrimary: true },
      { ...text('secret', 255), isPrimary: true },
      time('first_used_at'),
      time('last_used_at'),
      optional(time('last_expired_use_at')),
    ]),
  ];
}
