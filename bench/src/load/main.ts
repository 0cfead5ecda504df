import { ClosedLoop, type ClosedLoopPlan } from './closed-loop.js';
import { OpenLoop, type OpenLoopPlan } from './open-loop.js';
import type { Load } from './load-recorder.js';

export type Plan = ClosedLoopPlan | OpenLoopPlan;
export type LoadMessage = 'measuring' | { load: Load };

/** The process that sends: it takes one plan and answers with what came of it. */
process.once('message', (plan: Plan) => void carryOut(plan));
process.once('disconnect', () => process.exit());

async function carryOut(plan: Plan): Promise<void> {
  const loop = plan.kind === 'closed' ? new ClosedLoop(plan) : new OpenLoop(plan);
  tell({ load: await loop.send(() => tell('measuring')) });
  process.disconnect?.();
}

function tell(message: LoadMessage): void {
  process.send?.(message);
}
