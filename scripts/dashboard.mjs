/** Writes the dashboard: `node scripts/dashboard.mjs`. A test checks that the committed file is what this writes. */
import { writeFileSync } from 'node:fs';
const p = 'cr3dentials_webhook_';
const sel = `job=~"$job",instance=~"$instance"`;
let id = 0,
  y = 0;
const panels = [];
const ds = { type: 'prometheus', uid: '${datasource}' };
const targets = (list) =>
  list.map(([expr, legendFormat], i) => ({
    refId: String.fromCharCode(65 + i),
    datasource: ds,
    expr,
    legendFormat: legendFormat ?? '',
    editorMode: 'code',
    range: true,
  }));
const thresholds = (...steps) => ({
  mode: 'absolute',
  steps: [{ color: 'green', value: null }, ...steps.map(([value, color]) => ({ color, value }))],
});
function row(title, collapsed = false) {
  panels.push({ id: ++id, type: 'row', title, collapsed, gridPos: { h: 1, w: 24, x: 0, y: y++ }, panels: [] });
}
function stats(list) {
  const w = Math.floor(24 / list.length);
  list.forEach(({ title, description, expr, unit, steps, mappings, decimals }, i) =>
    panels.push({
      id: ++id,
      type: 'stat',
      title,
      description,
      datasource: ds,
      gridPos: { h: 4, w, x: i * w, y },
      fieldConfig: {
        defaults: { unit, decimals, mappings: mappings ?? [], thresholds: thresholds(...(steps ?? [])), noValue: '–' },
        overrides: [],
      },
      options: {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: 'background',
        graphMode: 'area',
        textMode: 'auto',
        justifyMode: 'auto',
        orientation: 'auto',
      },
      targets: targets([[expr]]).map((t) => ({ ...t, instant: false })),
    }),
  );
  y += 4;
}
function graphs(list, h = 8) {
  const w = Math.floor(24 / list.length);
  list.forEach(({ title, description, queries, unit, stack, steps, max }, i) =>
    panels.push({
      id: ++id,
      type: 'timeseries',
      title,
      description,
      datasource: ds,
      gridPos: { h, w, x: i * w, y },
      fieldConfig: {
        defaults: {
          unit,
          min: 0,
          ...(max && { max }),
          custom: {
            drawStyle: 'line',
            lineWidth: 1,
            fillOpacity: stack ? 30 : 5,
            showPoints: 'never',
            spanNulls: false,
            stacking: { mode: stack ? 'normal' : 'none', group: 'A' },
            thresholdsStyle: { mode: steps ? 'line' : 'off' },
          },
          thresholds: thresholds(...(steps ?? [])),
        },
        overrides: [],
      },
      options: {
        legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max'], showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
      targets: targets(queries),
    }),
  );
  y += h;
}
const rate = (metric, by, extra = '') => `sum by (${by}) (rate(${p}${metric}{${sel}${extra}}[$__rate_interval]))`;
const quantile = (q, metric, by = '', extra = '') =>
  `histogram_quantile(${q}, sum by (le${by && ', ' + by}) (rate(${p}${metric}_bucket{${sel}${extra}}[$__rate_interval])))`;
const L = (name) => `{{${p}${name}}}`;

row('Is all well?');
stats([
  {
    title: 'Oldest due delivery',
    description: 'How long the oldest due delivery has waited: the number to alert on.',
    expr: `max(${p}inbox_oldest_due_seconds{${sel}})`,
    unit: 's',
    steps: [
      [60, 'orange'],
      [900, 'red'],
    ],
  },
  {
    title: 'Dead letters',
    description: 'Deliveries that an operator has to decide on.',
    expr: `max(${p}inbox_deliveries{${sel},${p}state="dead"})`,
    unit: 'short',
    steps: [
      [1, 'orange'],
      [100, 'red'],
    ],
  },
  {
    title: 'Open rejections',
    description: 'Authentic POSTs that became no delivery and that nobody has decided on.',
    expr: `sum(max by (${p}reason) (${p}inbox_rejections{${sel}}))`,
    unit: 'short',
    steps: [[1, 'orange']],
  },
  {
    title: 'Answered 503',
    description:
      'Part of the authentic POSTs that could not be recorded in time; the provider gives up after its last retry.',
    expr: `(sum(rate(${p}receive_duration_seconds_count{${sel},${p}verdict="unavailable"}[$__rate_interval])) or vector(0)) / sum(rate(${p}receive_duration_seconds_count{${sel},${p}verdict!~"host|media-type|too-large|unreadable|unauthorized"}[$__rate_interval]))`,
    unit: 'percentunit',
    steps: [
      [0.001, 'orange'],
      [0.01, 'red'],
    ],
  },
  {
    title: 'Durable',
    description: 'Whether what is acknowledged survives a crash of the database.',
    expr: `min(${p}inbox_durable{${sel}})`,
    unit: 'short',
    mappings: [
      {
        type: 'value',
        options: { 0: { text: 'NO', color: 'red', index: 0 }, 1: { text: 'yes', color: 'green', index: 1 } },
      },
    ],
  },
  {
    title: 'Instances',
    description: 'Instances that report, and can read the inbox.',
    expr: `sum(${p}inbox_readable{${sel}}) or vector(0)`,
    unit: 'short',
  },
]);
row('Receiving');
graphs([
  {
    title: 'POSTs by verdict',
    unit: 'reqps',
    stack: true,
    queries: [[rate('receive_duration_seconds_count', `${p}verdict`), L('verdict')]],
  },
  {
    title: 'Time to acknowledge',
    description: 'From arrival to the answer; only what was recorded.',
    unit: 's',
    queries: [0.5, 0.95, 0.99].map((q) => [
      quantile(q, 'receive_duration_seconds', '', `,${p}verdict=~"accepted|duplicate"`),
      `p${q * 100}`,
    ]),
  },
  {
    title: 'Group commit',
    description: 'Deliveries per commit, and how long a commit takes.',
    unit: 'short',
    queries: [
      [
        `sum(rate(${p}flush_size_sum{${sel}}[$__rate_interval])) / sum(rate(${p}flush_size_count{${sel}}[$__rate_interval]))`,
        'deliveries per commit',
      ],
      [`1000 * ${quantile(0.95, 'flush_duration_seconds')}`, 'p95 of a commit, ms'],
    ],
  },
  {
    title: 'POSTs that wait for the inbox',
    description: 'At the limit (maxQueued) new ones are answered 503 at once.',
    unit: 'short',
    queries: [
      [`max by (instance) (${p}receive_waiting{${sel}})`, '{{instance}}'],
      [`min(${p}receive_waiting_limit{${sel}})`, 'limit'],
    ],
  },
]);
row('Processing');
graphs([
  {
    title: 'Attempts of handlers',
    unit: 'ops',
    stack: true,
    queries: [[rate('handler_duration_seconds_count', `${p}handler, ${p}outcome`), `${L('handler')} ${L('outcome')}`]],
  },
  {
    title: 'Handler time, p95',
    unit: 's',
    queries: [[quantile(0.95, 'handler_duration_seconds', `${p}handler`), L('handler')]],
  },
  {
    title: 'Wait before the first handler, p95',
    description: 'From receipt, or from when a retry was due.',
    unit: 's',
    queries: [[quantile(0.95, 'delivery_wait_seconds', `${p}source`), L('source')]],
  },
  {
    title: 'Receipt to end, p95',
    description: 'The time that counts for the business.',
    unit: 's',
    queries: [[quantile(0.95, 'delivery_duration_seconds', `${p}state`), L('state')]],
  },
]);
graphs([
  {
    title: 'Deliveries in the inbox',
    description: 'Completed ones are not counted.',
    unit: 'short',
    queries: [[`max by (${p}state) (${p}inbox_deliveries{${sel}})`, L('state')]],
  },
  {
    title: 'Oldest due delivery',
    unit: 's',
    steps: [
      [60, 'orange'],
      [900, 'red'],
    ],
    queries: [[`max(${p}inbox_oldest_due_seconds{${sel}})`, 'oldest due']],
  },
  {
    title: 'Deliveries of workers',
    unit: 'short',
    queries: [
      [`sum by (instance) (${p}processing_active{${sel}})`, '{{instance}}'],
      [`sum(${p}processing_limit{${sel}})`, 'concurrency of all'],
    ],
  },
]);
row('Trouble');
graphs([
  {
    title: 'Failures by handler and error',
    unit: 'ops',
    stack: true,
    queries: [
      [
        rate('handler_duration_seconds_count', `${p}handler, error_type`, `,${p}outcome=~"failed|dead"`),
        `${L('handler')} {{error_type}}`,
      ],
    ],
  },
  {
    title: 'Leases lost, deliveries rescued',
    unit: 'short',
    queries: [
      [`sum by (${p}reason) (increase(${p}lease_lost_total{${sel}}[$__rate_interval]))`, `lost, ${L('reason')}`],
      [`sum(increase(${p}delivery_rescued_total{${sel}}[$__rate_interval]))`, 'rescued'],
    ],
  },
  {
    title: 'Failures of the database by operation',
    unit: 'short',
    queries: [
      [
        `sum by (${p}operation, error_type) (increase(${p}database_errors_total{${sel}}[$__rate_interval]))`,
        `${L('operation')} {{error_type}}`,
      ],
    ],
  },
  {
    title: 'Open rejections by reason',
    unit: 'short',
    stack: true,
    queries: [[`max by (${p}reason) (${p}inbox_rejections{${sel}})`, L('reason')]],
  },
  {
    title: 'Decisions of operators',
    unit: 'short',
    queries: [
      [`sum by (${p}decision) (increase(${p}operator_decisions_total{${sel}}[$__rate_interval]))`, L('decision')],
    ],
  },
]);
row('Queues (BullMQ)');
graphs(
  [
    {
      title: 'Jobs in Redis',
      description: 'The last numbers are old where Redis answers no instance.',
      unit: 'short',
      queries: [
        [`max by (${p}queue, ${p}state) (${p}queue_jobs{${sel}})`, `${L('queue')} ${L('state')}`],
        [`sum(${p}queue_readable{${sel}})`, 'instances that Redis answers'],
      ],
    },
    {
      title: 'Oldest waiting job',
      description: 'What waits in Redis is not due for the inbox: this is its backlog.',
      unit: 's',
      steps: [[300, 'orange']],
      queries: [[`max by (${p}queue) (${p}queue_oldest_seconds{${sel}})`, L('queue')]],
    },
    {
      title: 'Given to a queue',
      unit: 'ops',
      queries: [[rate('queue_enqueued_total', `${p}queue, ${p}outcome`), `${L('queue')} ${L('outcome')}`]],
    },
    {
      title: 'Taken from a queue',
      description: 'Not due: the inbox knew better (completed, taken by another worker, discarded).',
      unit: 'ops',
      queries: [[rate('queue_claims_total', `${p}queue, ${p}outcome`), `${L('queue')} ${L('outcome')}`]],
    },
  ],
  6,
);
row('Secrets and clocks');
graphs(
  [
    {
      title: 'Secrets: time left',
      unit: 's',
      queries: [[`min by (${p}secret) (${p}secret_time_left_seconds{${sel}})`, L('secret')]],
    },
    {
      title: 'Secrets: uses',
      description: 'A rotation is over when the old one is not used any more.',
      unit: 'ops',
      queries: [[rate('secret_uses_total', `${p}secret`), L('secret')]],
    },
    {
      title: 'Clock of each instance against the database',
      unit: 's',
      queries: [[`max by (instance) (${p}clock_offset_seconds{${sel}})`, '{{instance}}']],
    },
  ],
  6,
);
const variable = (name, label, query) => ({
  name,
  label,
  type: 'query',
  datasource: ds,
  query: { query, refId: name },
  definition: query,
  includeAll: true,
  multi: true,
  allValue: '.*',
  current: { text: 'All', value: '$__all' },
  refresh: 2,
  sort: 1,
});
const dashboard = {
  uid: 'cr3dentials-webhook',
  title: 'Cr3dentials webhook',
  tags: ['cr3dentials', 'webhook', 'nestjs'],
  schemaVersion: 39,
  version: 1,
  editable: true,
  graphTooltip: 1,
  refresh: '30s',
  timezone: '',
  time: { from: 'now-6h', to: 'now' },
  annotations: {
    list: [
      {
        builtIn: 1,
        datasource: { type: 'grafana', uid: '-- Grafana --' },
        enable: true,
        hide: true,
        iconColor: 'rgba(0, 211, 255, 1)',
        name: 'Annotations & Alerts',
        type: 'dashboard',
      },
    ],
  },
  templating: {
    list: [
      {
        name: 'datasource',
        label: 'Data source',
        type: 'datasource',
        query: 'prometheus',
        current: {},
        refresh: 1,
        includeAll: false,
        multi: false,
      },
      variable('job', 'Job', `label_values(${p}processing_limit, job)`),
      variable('instance', 'Instance', `label_values(${p}processing_limit{job=~"$job"}, instance)`),
    ],
  },
  links: [],
  panels,
};
writeFileSync(process.argv[2] ?? 'observability/grafana-dashboard.json', JSON.stringify(dashboard, null, 2) + '\n');
