import { DeliveryRepository } from '../../../src/inbox/delivery.repository.js';
import { GroupCommitWriter } from '../../../src/inbox/group-commit.writer.js';
import { RejectionRepository } from '../../../src/inbox/rejection.repository.js';
import { patch } from '../patch.js';
import type { Control } from './control.js';

/** Faults of recording, and of what an operator decides. */
export const recordingControls: readonly Control[] = [
  {
    name: 'acknowledged before it is recorded',
    apply: () =>
      patch(
        GroupCommitWriter,
        'record',
        (record) =>
          function (this: never, delivery: never) {
            void Promise.resolve(record.call(this, delivery)).catch(() => {});
            return Promise.resolve({ verdict: 'accepted' });
          },
      ),
  },
  {
    name: 'a conflict taken for a duplicate',
    apply: () =>
      patch(
        DeliveryRepository,
        'record',
        (record) =>
          async function (this: never, ...args: never[]) {
            const recordings = (await record.apply(this, args)) as { verdict?: string }[];
            return recordings.map((recording) =>
              recording.verdict === 'conflict' ? { ...recording, verdict: 'duplicate' } : recording,
            );
          },
      ),
  },
  {
    name: 'what an operator replaces is not kept (F22)',
    apply: () =>
      patch(
        RejectionRepository,
        'saveWith',
        (save) =>
          function (this: never, ...args: never[]) {
            const [, { reason }] = args as unknown as [unknown, { reason: string }];
            return reason === 'superseded' ? Promise.resolve() : save.apply(this, args);
          },
      ),
  },
];
