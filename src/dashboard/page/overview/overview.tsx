import type { Overview as OverviewAnswer } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import type { PageProps } from '../app/pages.js';
import { Polled } from '../parts/poll-state.js';
import { Charts } from './charts.js';
import { Numbers } from './numbers.js';
import { Problems } from './problems.js';
import { chartsOfInbox } from './tally-charts.js';

/** The first page: is anything wrong, how much is there, and how has it been. */
export function Overview({ route }: PageProps) {
  const poll = usePoll<OverviewAnswer>('overview');
  return (
    <>
      <Polled poll={poll}>
        {(overview) => (
          <>
            <Problems overview={overview} />
            <Numbers overview={overview} />
          </>
        )}
      </Polled>
      <Charts route={route} subject="inbox" chartsOf={chartsOfInbox} />
    </>
  );
}
