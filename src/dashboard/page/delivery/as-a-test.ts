import type { DeliveryRow, MaskedValue } from '../../api/contract.js';

const MADE_UP = { text: 'made-up text', number: 1, boolean: true, null: null } as const;

/** Returns values of the same kinds that are made up: a test never holds those of people. */
function madeUp(value: MaskedValue): unknown {
  if (value.kind === 'hidden') return MADE_UP[value.type];
  if (value.kind === 'list') return value.items.map((item) => madeUp(item));
  if (value.kind !== 'object') return null;
  return Object.fromEntries(value.fields.map((field) => [field.name, madeUp(field.value)]));
}

function fieldOf(payload: MaskedValue | null, name: string): unknown {
  const field = payload?.kind === 'object' ? payload.fields.find((one) => one.name === name) : undefined;
  return field && madeUp(field.value);
}

/** Returns a test that sends a payload of the same shape. `webhook` is the `webhookTester` of docs/testing.md. */
export function asATest({ status, platformId }: DeliveryRow, payload: MaskedValue | null): string {
  const overrides = {
    status,
    platformId,
    extractedData: fieldOf(payload, 'extractedData'),
    metadata: fieldOf(payload, 'metadata'),
  };
  return [
    "it('completes a delivery of this shape', async () => {",
    `  const payload = verificationPayload(${JSON.stringify(overrides, null, 2).replaceAll('\n', '\n  ')});`,
    "  const { delivery } = await webhook.deliver(payload, { until: 'settled' });",
    "  expect(delivery?.state).toBe('completed');",
    '});',
    '',
  ].join('\n');
}
