import type { Attributes } from '@opentelemetry/api';

const SYSTEM = 'cr3dentials_webhook';
const DESTINATION = 'inbox';

type Operation = readonly [name: string, type: string];

/** Operations on the inbox, as OpenTelemetry's conventions for messaging name and group them. */
export const operations = {
  record: ['record', 'send'],
  handle: ['handle', 'process'],
  flush: ['flush', 'send'],
  claim: ['claim', 'receive'],
  settle: ['settle', 'settle'],
} as const satisfies Record<string, Operation>;

/** Returns the attributes that every span and metric of an operation has. */
export function attributesOf([name, type]: Operation): Attributes {
  return {
    'messaging.system': SYSTEM,
    'messaging.destination.name': DESTINATION,
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  };
}
