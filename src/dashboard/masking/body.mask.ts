import { Inject, Injectable } from '@nestjs/common';
import { parseRawBody } from '../../contract/raw-body.js';
import type { DeliveryRow } from '../api/contract/deliveries.js';
import type { Change, MaskedValue } from '../api/contract/masked.js';
import type { RejectionRow } from '../api/contract/rejections.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { changedFieldsOf, changesOf } from './payload.changes.js';
import { maskPayload } from './payload.mask.js';

/** Masks stored bodies, by the rule of the host if it has one. */
@Injectable()
export class BodyMask {
  constructor(@Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'mask'>) {}

  /** Returns the masked body; null if there is none. */
  mask(rawBody: string | null, row: DeliveryRow | RejectionRow): MaskedValue | null {
    if (rawBody === null) return null;
    const body = parsed(rawBody);
    const { mask } = this.settings;
    return mask ? maskedByHost(() => mask(body, row)) : maskPayload(body);
  }

  /** Returns the masked differences of two bodies. With a rule of the host, names in them may be of a person. */
  changes(before: string, after: string): Change[] {
    const compare = this.settings.mask ? changedFieldsOf : changesOf;
    return compare(parsed(before), parsed(after));
  }
}

/** A rule that throws, or returns what is no JSON, shows nothing. */
function maskedByHost(mask: () => unknown): MaskedValue {
  try {
    const value: unknown = JSON.parse(JSON.stringify(mask()) ?? 'null');
    return { kind: 'custom', value };
  } catch {
    return { kind: 'cut' };
  }
}

function parsed(rawBody: string): unknown {
  try {
    return parseRawBody(rawBody);
  } catch {
    return null; // a body that is empty, or only a byte order mark
  }
}
